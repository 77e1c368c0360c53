// The real app and Chromium for the tests of a file; what a test opens is closed when it ends.

import { after, afterEach, before } from "node:test";
import type { Browser, BrowserContextOptions, Locator, Page } from "playwright-core";
import { type App, type AppOverrides, buildApp } from "#app/app.ts";
import { parseConfig } from "#app/core/config.ts";
import { launchBrowser, openPage, type WatchedPage } from "../support/browser.ts";
import { createRecordingLogger } from "../support/recording-logger.ts";

export interface PageFixture {
  /** The real app on a free port, or on a given one. */
  readonly startApp: (
    overrides?: AppOverrides,
    port?: number,
  ) => Promise<{ app: App; url: string; port: number }>;
  /** A visitor of the page, connected and with the list of partners before them. */
  readonly visit: (url: string, options?: BrowserContextOptions) => Promise<WatchedPage>;
}

/** Registers the hooks of a test file. */
export function usePages(): PageFixture {
  let browser: Browser;
  const open: { close(): Promise<void> }[] = [];
  before(async () => {
    browser = await launchBrowser();
  });
  after(() => browser.close());
  afterEach(async () => {
    for (const part of open.splice(0).reverse()) await part.close();
  });
  return {
    async startApp(overrides = {}, port = 0) {
      const env = {
        HOST: "127.0.0.1",
        PORT: String(port),
        LLM_PROVIDER: "offline",
        MESSAGES_PER_MINUTE: "600",
      };
      const app = await buildApp(parseConfig(env), { logger: createRecordingLogger(), ...overrides });
      const listening = await app.listen();
      open.push({ close: () => app.close(0) });
      return { app, url: `http://127.0.0.1:${listening.port}/`, port: listening.port };
    },
    async visit(url, options = {}) {
      const visited = await openPage(browser, url, options);
      open.push(visited);
      await visited.page.locator("#status[data-status=online]").waitFor();
      await visited.page.locator(".partner").first().waitFor({ state: "attached" });
      return visited;
    },
  };
}

export async function say(page: Page, text: string): Promise<void> {
  await page.fill("#message", text);
  await page.press("#message", "Enter");
}

export function replies(page: Page): Locator {
  return page.locator(".row.assistant:not(.greeting)");
}

export function finishedReplies(page: Page): Locator {
  return page.locator(".row.assistant.done:not(.greeting)");
}

/** Everything the transcript shows, a row a line. */
export function rows(page: Page): Promise<string[]> {
  return page.locator("#transcript .row .text").allTextContents();
}
