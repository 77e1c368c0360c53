// The real app and Chromium for the tests of the portfolio page; what a test opens is closed when it ends.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before } from "node:test";
import type { Browser, BrowserContextOptions, Locator, Page } from "playwright-core";
import { type AppOverrides, buildApp } from "#app/app.ts";
import { parseConfig } from "#app/core/config.ts";
import { launchBrowser, openPage, type WatchedPage } from "../support/browser.ts";
import { createRecordingLogger } from "../support/recording-logger.ts";

const AXE = join(import.meta.dirname, "../../node_modules/axe-core/axe.min.js");

export interface PortfolioFixture {
  /** @returns the address of the page */
  readonly startApp: (overrides?: AppOverrides) => Promise<string>;
  readonly visit: (url: string, options?: BrowserContextOptions) => Promise<WatchedPage>;
  /** A visitor to whom the lists of personas and objects are refused until `isRefused` says otherwise. */
  readonly visitWithoutLists: (url: string, isRefused: () => boolean) => Promise<WatchedPage>;
}

/** Registers the hooks of a test file. */
export function usePortfolio(): PortfolioFixture {
  let browser: Browser;
  const open: { close(): Promise<unknown> }[] = [];
  before(async () => {
    browser = await launchBrowser();
  });
  after(() => browser.close());
  afterEach(async () => {
    for (const part of open.splice(0).reverse()) await part.close();
  });
  const visit = async (url: string, options: BrowserContextOptions = {}) => {
    const visited = await openPage(browser, url, options);
    open.push(visited);
    return visited;
  };
  return {
    visit,
    async startApp(overrides = {}) {
      const env = { HOST: "127.0.0.1", PORT: "0", LLM_PROVIDER: "offline", MESSAGES_PER_MINUTE: "600" };
      const app = await buildApp(parseConfig(env), { logger: createRecordingLogger(), ...overrides });
      open.push({ close: () => app.close(0) });
      return `http://127.0.0.1:${(await app.listen()).port}/`;
    },
    async visitWithoutLists(url, isRefused) {
      const visited = await visit("about:blank");
      await visited.page.route(/\/api\/v1\/(?:personas|objects)\?/, (route) =>
        isRefused() ? route.fulfill({ status: 503, body: "{}" }) : route.continue(),
      );
      await visited.page.goto(url);
      return visited;
    },
  };
}

/** The lists have come: only they know how a card greets. */
export async function listed(page: Page): Promise<void> {
  await page.locator(".card .greeting").first().waitFor();
}

export function card(page: Page, partner: string): Locator {
  return page.locator(`[data-card="${partner}"]`);
}

/** Who speaks in the chat, as its header names them. */
export function speaker(page: Page): Locator {
  return page.locator("persona-chat .header .name");
}

export function reply(page: Page): Locator {
  return page.locator("persona-chat .row.assistant.done:not(.greeting)").last();
}

/** Where the focus is: an element's text or name; `chat` for anywhere inside the widget. */
export function focused(page: Page): Promise<string> {
  return page.evaluate(`(({ localName, ariaLabel, textContent }) =>
    localName === "persona-chat" ? "chat" : ariaLabel ?? textContent.trim())(document.activeElement)`);
}

/** What axe-core finds, inside the widget too: one line a finding. */
export async function findings(page: Page): Promise<string[]> {
  await page.evaluate(`Promise.all([document, document.querySelector("persona-chat").shadowRoot]
    .flatMap((root) => root.getAnimations())
    .map((each) => each.effect.getTiming().iterations === Infinity ? each.pause() : each.finished.catch(() => {})))`);
  if (!(await page.evaluate("'axe' in window"))) await page.evaluate(await readFile(AXE, "utf8"));
  return page.evaluate(`axe.run(document).then(({ violations }) => violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target, failureSummary }) => id + ": " + help + " at " + target.flat().join(" > ") + " " + failureSummary)))`);
}
