// When a line that owes an answer is given up, and that a standstill of this side is not taken for silence of the other.

import assert from "node:assert/strict";
import { it, type TestContext } from "node:test";
import { Watch, type WatchedLink } from "#app/web/watch.ts";
import { until } from "../support/until.ts";

const PATIENCE_MS = 40;

/** As a laptop sleeps or a tab is frozen: nothing runs, and every timer falls due. */
function standStill(): void {
  for (const began = performance.now(); performance.now() - began < 2 * PATIENCE_MS; );
}

/** Watches a line on which an answer is owed; `onAsked` is what comes of a question. */
function watchLine(context: TestContext, onAsked: (watch: Watch) => void) {
  const told: string[] = [];
  const link: WatchedLink = {
    send: ({ type }) => {
      told.push(type);
      onAsked(watch);
      return true;
    },
    drop: () => void told.push("drop"),
  };
  const watch = new Watch(link, PATIENCE_MS);
  context.after(() => watch.close());
  watch.expect(true);
  return told;
}

it("an answer that lay unread through a standstill keeps the line", async (t) => {
  const told = watchLine(t, (watch) =>
    setImmediate(() => {
      standStill();
      // Node serves timers that are due first, and what has arrived after them.
      setImmediate(() => watch.heard());
    }),
  );
  await until("three questions", () => told.length >= 3);
  assert.deepEqual(told.slice(0, 3), ["ping", "ping", "ping"]);
});

it("without an answer the line is given up after one question, a standstill or not", async (t) => {
  for (const onAsked of [() => undefined, () => void setImmediate(standStill)]) {
    const told = watchLine(t, onAsked);
    await until("the end", () => told.includes("drop"));
    assert.deepEqual(told, ["ping", "drop"]);
  }
});
