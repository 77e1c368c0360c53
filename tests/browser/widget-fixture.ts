// The real app, a page of another origin that embeds the widget under a strict content policy, and Chromium, for the
// tests of a file; what a test opens is closed when it ends.

import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, afterEach, before } from "node:test";
import type { Browser, BrowserContextOptions, Locator, Page } from "playwright-core";
import { type App, type AppOverrides, buildApp } from "#app/app.ts";
import { parseConfig } from "#app/core/config.ts";
import { launchBrowser, openPage } from "../support/browser.ts";
import { createRecordingLogger } from "../support/recording-logger.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";

export interface Scene {
  readonly app: App;
  /** Origin of the server, behind a network that can be cut. */
  readonly host: string;
  /** Address of the page of another origin that embeds the widget. */
  readonly embedding: string;
  /** Cuts the connections that there are, as a network does that has gone. */
  cut(): void;
  /** Puts another server in the place of one that was closed, at the same port. */
  restart(overrides?: AppOverrides): Promise<App>;
}

export interface SceneOptions {
  readonly overrides?: AppOverrides;
  readonly env?: Readonly<Record<string, string>>;
  /** Whether ALLOWED_ORIGINS names the embedding page; it does where absent. */
  readonly isAllowed?: boolean;
  /** The embedding page's policy forbids WebSockets, as some networks do. */
  readonly blocksSockets?: boolean;
  /** The embedding page's server gives the widget's script itself, and its policy lets no other in. */
  readonly ownsScript?: boolean;
  /** Name by which the embedding page is reached; at `localhost` it is of another site than the chat server. */
  readonly pageName?: "127.0.0.1" | "localhost";
}

export interface EmbeddedWidget {
  readonly page: Page;
  /** What a visitor's console would complain of, and requests that go anywhere but to the widget's server. */
  readonly complaints: () => readonly string[];
}

export interface WidgetFixture {
  readonly startScene: (options?: SceneOptions) => Promise<Scene>;
  /** A visitor of the embedding page, whose body holds `markup`. */
  readonly visit: (scene: Scene, markup: string, options?: BrowserContextOptions) => Promise<EmbeddedWidget>;
}

export const OPEN_BUBBLE = `<persona-chat open></persona-chat>`;

/** Registers the hooks of a test file. */
export function useWidgets(): WidgetFixture {
  let browser: Browser;
  const open: { close(): Promise<unknown> }[] = [];
  before(async () => {
    browser = await launchBrowser();
  });
  after(() => browser.close());
  afterEach(async () => {
    for (const part of open.splice(0).reverse()) await part.close();
  });
  return {
    async startScene(options = {}) {
      const { overrides = {}, env = {}, isAllowed = true } = options;
      const pages = new EmbeddingPages(options);
      open.push(pages);
      const embedding = await pages.listen();
      const start = async (chosen: AppOverrides, port: number) => {
        const app = await buildApp(
          parseConfig({
            HOST: "127.0.0.1",
            PORT: String(port),
            ENVIRONMENT: "test",
            LLM_PROVIDER: "offline",
            MESSAGES_PER_MINUTE: "600",
            ALLOWED_ORIGINS: isAllowed ? embedding : "https://elsewhere.example",
            ...env,
          }),
          { logger: createRecordingLogger(), ...chosen },
        );
        open.push({ close: () => app.close(0) });
        return { app, port: (await app.listen()).port };
      };
      const { app, port } = await start(overrides, 0);
      const network = await TcpProxy.start(port);
      open.push({ close: () => network[Symbol.asyncDispose]() });
      const host = `http://127.0.0.1:${network.port}`;
      pages.host = host;
      const restart = async (other = overrides) => (await start(other, port)).app;
      return { app, host, embedding, cut: () => network.cut(), restart };
    },
    async visit({ host, embedding }, markup, options = {}) {
      const url = `${embedding}/?markup=${encodeURIComponent(markup)}`;
      const visited = await openPage(browser, url, options);
      open.push(visited);
      // A page of another origin asks the widget's host, and nobody else.
      const isForeign = (text: string) => !text.startsWith(`foreign request: ${host}/`);
      return { page: visited.page, complaints: () => visited.complaints.filter(isForeign) };
    },
  };
}

/** Serves a page whose policy lets in the widget's script and its connections, and not one style of an element. */
class EmbeddingPages {
  host = "";
  readonly #options: SceneOptions;
  readonly #server: Server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://127.0.0.1");
    const { ownsScript = false } = this.#options;
    if (ownsScript && url.pathname === "/widget.js") {
      void this.#giveScript(response);
      return;
    }
    if (url.pathname !== "/") {
      response.writeHead(204).end();
      return;
    }
    response.writeHead(200, {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": toPolicy(this.host, this.#options),
    });
    response.end(toHtml(ownsScript ? "" : this.host, url.searchParams.get("markup") ?? ""));
  });

  constructor(options: SceneOptions) {
    this.#options = options;
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    const { port } = this.#server.address() as AddressInfo;
    return `http://${this.#options.pageName ?? "127.0.0.1"}:${port}`;
  }

  close(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  /** Never rejects: without the script a test fails by what it waits for. */
  async #giveScript(response: ServerResponse): Promise<void> {
    try {
      const script = await (await fetch(`${this.host}/widget.js`)).text();
      response.writeHead(200, { "content-type": "text/javascript; charset=utf-8" }).end(script);
    } catch (cause) {
      response.writeHead(502).end(String(cause));
    }
  }
}

function toPolicy(host: string, { blocksSockets = false, ownsScript = false }: SceneOptions): string {
  const socket = blocksSockets ? "" : host.replace(/^http/, "ws");
  return [
    "default-src 'none'",
    `script-src ${ownsScript ? "'self'" : host}`,
    "style-src 'self'",
    `connect-src ${host} ${socket}`,
    "img-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; ");
}

/** @param scriptHost nothing where the page's own server gives the script */
function toHtml(scriptHost: string, markup: string): string {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>A page of somebody else's</title>
<script type="module" src="${scriptHost}/widget.js"></script></head>
<body><main><h1>A page of somebody else's</h1><p><a href="#one">One link</a></p></main>${markup}</body>
</html>`;
}

/** The conversation is open on a connection: the field can be written to and the greeting is there. */
export async function ready(page: Page): Promise<void> {
  await page.locator(".row.greeting").first().waitFor();
}

export async function say(page: Page, text: string): Promise<void> {
  await page.locator(".composer textarea").fill(text);
  await page.locator(".composer textarea").press("Enter");
}

export function replies(page: Page): Locator {
  return page.locator(".row.assistant:not(.greeting)");
}

export function finishedReplies(page: Page): Locator {
  return page.locator(".row.assistant.done:not(.greeting)");
}

/** Everything that the transcript shows, a row an entry. */
export function rows(page: Page): Promise<string[]> {
  return page.locator(".rows .row .body").allInnerTexts();
}
