// What the widget costs in a browser, as figures: until it can be used, from a frame's arrival to its words on the
// screen, and the longest task while a reply of 2,000 tokens streams.

import assert from "node:assert/strict";
import { it } from "node:test";
import type { Page } from "playwright-core";
import { assertWithin } from "../support/held-up.ts";
import { createScriptedModel, type ScriptedModel } from "../support/scripted-model.ts";
import { untilHolds } from "./until-holds.ts";
import { finishedReplies, ready, replies, say, useWidgets } from "./widget-fixture.ts";

const { startScene, visit } = useWidgets();
const TOKENS = 2_000;
/** Twenty tokens every 20 ms. */
const [TOKENS_A_REST, REST_MS] = [20, 20];
/** The goal is 50 ms on a machine of its own; a machine that tests run on side by side gets four times that. */
const LONGEST_TASK_MS = 200;

it("is there soon after a cold start, and open soon after the press", async (t) => {
  const scene = await startScene();
  const startedAt = performance.now();
  const { page } = await visit(scene, "<persona-chat></persona-chat>");
  await page.locator(".launcher").waitFor();
  const interactiveMs = await page.evaluate(`performance.getEntriesByType("resource")
    .find(({ name }) => name.endsWith("/widget.js")).responseEnd`);
  const definedMs = await page.evaluate(
    `performance.getEntriesByType("navigation")[0].domContentLoadedEventStart`,
  );
  const openMs = await page.evaluate(`(async () => {
    const startedMs = performance.now();
    document.querySelector("persona-chat").open();
    await new Promise(requestAnimationFrame);
    return performance.now() - startedMs;
  })()`);
  t.diagnostic(
    `script there after ${Number(interactiveMs).toFixed(0)} ms, usable after ${Number(definedMs).toFixed(0)} ms, open ${Number(openMs).toFixed(0)} ms after the call`,
  );
  assertWithin("the definition", Number(definedMs), 5_000, startedAt);
});

interface Figures {
  readonly startedAt: number;
  readonly longestMs: number;
  /** NaN where nothing was seen of the reply before its end. */
  readonly firstMs: number;
}

it("shows the first words soon after their frame, and never holds the page up while a long reply streams", async (t) => {
  const model = createScriptedModel();
  const { page } = await visit(await startScene({ overrides: { model } }), "<persona-chat></persona-chat>");
  await page.addInitScript(WATCH);
  await page.reload();
  await page.locator(".launcher").click();
  await ready(page);
  const goes = [await streamReply(page, model, 0)];
  // Time on the wall, which others take from the browser's as well: what is the widget's own is there again.
  if (goes.some(({ longestMs, firstMs }) => longestMs >= LONGEST_TASK_MS || Number.isNaN(firstMs))) {
    goes.push(await streamReply(page, model, 1));
  }
  const [best] = goes
    .filter(({ firstMs }) => !Number.isNaN(firstMs))
    .toSorted((one, other) => one.longestMs - other.longestMs);
  assert.ok(best, "nothing was seen of the reply before its end: the browser stood still while it came");
  const { startedAt, longestMs, firstMs } = best;
  t.diagnostic(
    `first words on the screen ${firstMs.toFixed(1)} ms after their frame; longest task ${longestMs} ms (0: none over 50 ms)`,
  );
  assertWithin("the longest task", longestMs, LONGEST_TASK_MS, startedAt);
  assertWithin("the first words", firstMs, 500, startedAt);
  // The observer does see one: what it did not report was not there.
  await page.evaluate(
    `setTimeout(() => { for (const began = performance.now(); performance.now() - began < 250;); })`,
  );
  await untilHolds(page, "watched().longestMs >= 240");
});

/** @param index of the reply that is asked for */
async function streamReply(page: Page, model: ScriptedModel, index: number): Promise<Figures> {
  const { promise: goOn, resolve: release } = Promise.withResolvers<void>();
  const tokens = Array.from({ length: TOKENS }, (_, at) =>
    at % 40 === 39 ? ".\n\n" : at % 17 === 0 ? " **word**" : ` token${at}`,
  );
  const rests = Array.from({ length: TOKENS / TOKENS_A_REST }, () => Promise.withResolvers<void>());
  const paced = rests.flatMap(({ promise }, at) => [
    ...tokens.slice(at * TOKENS_A_REST, (at + 1) * TOKENS_A_REST),
    { until: promise },
  ]);
  model.script({ until: goOn }, ...paced);
  await say(page, "Tell me everything.");
  await page.locator(".row.thinking").waitFor();
  await page.evaluate("startWatching()");
  const startedAt = performance.now();
  release();
  // From here on, and not from before the page was there: a reply in one go shows no first words.
  for (const [at, { resolve }] of rests.entries()) setTimeout(resolve, (at + 1) * REST_MS);
  await finishedReplies(page).nth(index).waitFor({ timeout: 30_000 });
  const { longestMs, firstMs } = Object(await page.evaluate("watched()"));
  assert.match(await replies(page).nth(index).locator(".body").innerText(), /token1998/);
  return { startedAt, longestMs: Number(longestMs), firstMs: Number(firstMs) };
}

/** Notes when the first words of a reply arrive on the socket, when they are painted, and long tasks. */
const WATCH = `
  const Plain = WebSocket;
  let arrivedMs, paintedMs, tasks, longestMs;
  const note = (entries) => {
    for (const { duration } of entries) longestMs = Math.max(longestMs, Math.round(duration));
  };
  window.WebSocket = class extends Plain {
    constructor(...parts) {
      super(...parts);
      this.addEventListener("message", ({ data }) => {
        if (arrivedMs === undefined && data.includes('"TEXT_MESSAGE_CONTENT"')) arrivedMs = performance.now();
      });
    }
  };
  window.startWatching = () => {
    arrivedMs = paintedMs = undefined;
    longestMs = 0;
    tasks?.disconnect();
    tasks = new PerformanceObserver((list) => note(list.getEntries()));
    tasks.observe({ type: "longtask" });
    const look = () => {
      const body = document.querySelector("persona-chat").shadowRoot.querySelector(".row.assistant.streaming .body");
      if (body?.textContent.trim()) requestAnimationFrame(() => { paintedMs = performance.now(); });
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  };
  window.watched = () => {
    note(tasks.takeRecords());
    return { longestMs, firstMs: paintedMs - arrivedMs };
  };`;
