// `npm run screenshots`: starts the product without a model, drives Chromium, and writes the README's pictures to
// deploy/screenshots/. Promises: what is shown is the running product and nothing else; every picture is smaller than
// 250 kB, or the run fails; nothing that was started stays behind.

import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { launchBrowser } from "../tests/support/browser.ts";
import { freePort, startInstance } from "./demo/server-process.ts";

const TARGET = join(import.meta.dirname, "screenshots");
const MAX_BYTES = 250_000;
const DESK = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };
/** So many characters of a reply are on the screen when it is photographed in the middle. */
const MID_REPLY_CHARS = 90;

interface Places {
  /** The product's own page. */
  readonly portfolio: string;
  /** Somebody else's page that embeds the widget. */
  readonly elsewhere: string;
}

interface Picture {
  readonly name: string;
  readonly at: keyof Places;
  readonly options: BrowserContextOptions;
  /** Brings the page to the moment that is photographed. */
  readonly prepare: (page: Page) => Promise<void>;
}

const PICTURES: readonly Picture[] = [
  {
    name: "portfolio-light",
    at: "portfolio",
    options: { viewport: DESK, colorScheme: "light" },
    prepare: listed,
  },
  {
    name: "portfolio-dark",
    at: "portfolio",
    options: { viewport: DESK, colorScheme: "dark" },
    async prepare(page) {
      await listed(page);
      await scrollTo(page, "#note-g .sheet");
    },
  },
  {
    name: "portfolio-phone",
    at: "portfolio",
    options: { viewport: PHONE, colorScheme: "light", hasTouch: true, isMobile: true },
    prepare: listed,
  },
  {
    name: "portfolio-turkish",
    at: "portfolio",
    options: { viewport: DESK, colorScheme: "light", locale: "tr-TR" },
    async prepare(page) {
      await listed(page);
      await scrollTo(page, "#objects");
      await page.locator("[data-card='object:jacquard-card'] .ask").click();
      await finished(page);
    },
  },
  {
    name: "chat-mid-reply",
    at: "portfolio",
    options: { viewport: DESK, colorScheme: "light" },
    async prepare(page) {
      await listed(page);
      await scrollTo(page, "#voices");
      await page.locator("[data-card='persona:engineer'] .ask").first().click();
      const reply = page.locator("persona-chat .row.streaming .body");
      await reply.filter({ hasText: new RegExp(`.{${MID_REPLY_CHARS}}`, "s") }).waitFor();
    },
  },
  {
    name: "widget-elsewhere",
    at: "elsewhere",
    options: { viewport: DESK, colorScheme: "light" },
    async prepare(page) {
      await page.locator("persona-chat .chip").first().click();
      await finished(page);
    },
  },
];

async function main(): Promise<void> {
  await using cleanUp = new AsyncDisposableStack();
  const [port, elsewherePort] = [await freePort(), await freePort()];
  const [portfolio, elsewhere] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${elsewherePort}`];
  const server = await startInstance("parley", {
    ENVIRONMENT: "test",
    LLM_PROVIDER: "offline",
    PORT: String(port),
    ALLOWED_ORIGINS: `${portfolio},${elsewhere}`,
  });
  cleanUp.defer(async () => void (await server.end("SIGTERM")));
  const embedding = createServer((_, response) => {
    response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(embeddingPage(portfolio));
  });
  embedding.listen(elsewherePort, "127.0.0.1");
  cleanUp.defer(() => void embedding.close());
  const browser = cleanUp.adopt(await launchBrowser(), (opened) => opened.close());
  await mkdir(TARGET, { recursive: true });
  for (const picture of PICTURES) await take(browser, picture, { portfolio, elsewhere });
}

/** @throws where the picture is too large for a README */
async function take(browser: Browser, picture: Picture, places: Places): Promise<void> {
  const context = await browser.newContext({
    deviceScaleFactor: 1,
    reducedMotion: "reduce",
    locale: "en-GB",
    ...picture.options,
  });
  const page = await context.newPage();
  await page.goto(places[picture.at]);
  await picture.prepare(page);
  const image = await page.screenshot();
  await context.close();
  if (image.length > MAX_BYTES) throw new Error(`${picture.name}.png has ${image.length} bytes`);
  await writeFile(join(TARGET, `${picture.name}.png`), image);
  process.stdout.write(`${picture.name}.png ${Math.round(image.length / 1000)} kB\n`);
}

async function listed(page: Page): Promise<void> {
  await page.locator("main .card .greeting").first().waitFor({ state: "attached" });
}

async function finished(page: Page): Promise<void> {
  await page.locator("persona-chat .row.assistant.done:not(.greeting)").waitFor();
}

async function scrollTo(page: Page, selector: string): Promise<void> {
  await page.locator(selector).evaluate((element) => element.scrollIntoView());
}

function embeddingPage(host: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>The Reading Room</title>
<style>
body { max-width: 46rem; margin: 3rem 4rem; font: 1.0625rem/1.6 system-ui, sans-serif; color: #1d2733; background: #eef3f6 }
h1 { font-size: 2.2rem; line-height: 1.15; margin: 0 0 .3em } p { max-width: 34rem } pre { padding: 1rem 1.2rem; background: #fff; border-radius: 6px; max-width: 34rem; white-space: pre-wrap; font-size: .9rem }
persona-chat { --parley-accent: #1d5c80 }
</style>
<script type="module" src="${host}/widget.js"></script>
</head>
<body>
<p>The Reading Room · a page of another origin</p>
<h1>This week: the Analytical Engine</h1>
<p>The page that you see is somebody else’s. It has its own style, and two lines of the product:</p>
<pre>&lt;script type="module" src="https://host/widget.js"&gt;&lt;/script&gt;
&lt;persona-chat object="analytical-engine" open&gt;&lt;/persona-chat&gt;</pre>
<p>The chat brings its own look, and has been given the accent colour of this page.</p>
<persona-chat object="analytical-engine" open></persona-chat>
</body>
</html>`;
}

await main();
