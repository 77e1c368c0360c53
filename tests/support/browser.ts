// Drives Debian's Chromium. A page opened here writes down everything that a visitor's console would complain of.

import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { requireProgram } from "./needed-programs.ts";

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** @throws with what to install where no Chromium is found */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: requireProgram("chromium", process.env), args: FLAGS });
}

export interface WatchedPage {
  readonly page: Page;
  /** Console errors and warnings, thrown errors, violations of the content policy, dialogs, foreign requests. */
  readonly complaints: string[];
  close(): Promise<void>;
}

/** A page in a browser context of its own; every wait in it fails after 10 s. */
export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ locale: "en-GB", ...options });
  context.setDefaultTimeout(10_000);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => complaints.push(`thrown: ${error.message}`));
  page.on("dialog", (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  const { host } = new URL(url);
  page.on("request", (request) => {
    if (new URL(request.url()).host !== host) complaints.push(`foreign request: ${request.url()}`);
  });
  await page.goto(url);
  return { page, complaints, close: () => context.close() };
}
