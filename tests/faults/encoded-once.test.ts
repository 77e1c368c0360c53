// Every event is made into text once, whoever reads it: ten tabs on two instances, live, coming back and coming late.
// Both instances live in this process, so that what either of them encodes is seen here.

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { encodeEvent } from "#app/models/server-event.ts";
import { openPair } from "./instance-pair.ts";
import { ReplyAccount } from "./reply-account.ts";
import { RoamingTab } from "./roaming-tab.ts";

const TABS = 10;
const PIECES = Array.from({ length: 8 }, (_, index) => `${index} ığüşöç 👩‍👩‍👧‍👦→`);

/** How often each numbered event was made into text from here on, by its number. */
function countEncodings(test: TestContext): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  const real = JSON.stringify;
  test.mock.method(JSON, "stringify", (...args: Parameters<typeof JSON.stringify>) => {
    const { seq } = Object(args[0]);
    if (typeof seq === "number" && isServer(new Error().stack)) counts.set(seq, (counts.get(seq) ?? 0) + 1);
    return real(...args);
  });
  return counts;
}

/** Whether the server's code asked for it, and not a test that words what it has found. */
function isServer(stack = ""): boolean {
  // Above the caller stands only what counts here.
  const [, , ...callers] = stack.split("\n");
  return callers.find((line) => /\/(?:app|tests)\//.test(line))?.includes("/app/") ?? false;
}

function assertOnce(counts: ReadonlyMap<number, number>, position: number): void {
  const expected = Array.from({ length: position }, (_, index) => [index + 1, 1]);
  assert.deepEqual(
    [...counts].toSorted(([one], [other]) => one - other),
    expected,
  );
}

describe("an event that ten tabs on two instances read", () => {
  it("is encoded once: live, after a drop and by one who comes late", async (test) => {
    const pair = await openPair(test);
    const account = new ReplyAccount(pair);
    const counts = countEncodings(test);
    const first = await RoamingTab.open(pair.places[0]);
    const tabs = [first];
    while (tabs.length < TABS)
      tabs.push(await RoamingTab.open(pair.places[tabs.length % 2 === 0 ? 0 : 1], first.pair));
    const script = await account.ask(first, PIECES);
    for (let piece = 1; piece <= PIECES.length; piece += 1) {
      const soFar = PIECES.slice(0, piece).join("");
      const hear = (tab: RoamingTab) =>
        tab.hears(`${piece} pieces`, () => tab.picture.messages.at(-1)?.content === soFar);
      await Promise.all(tabs.map(hear));
      // Reads on from the log, of the instance that writes or of the other one.
      await tabs[2 + (piece % (TABS - 2))]?.comeBack(pair.places[piece % 2 === 0 ? 0 : 1]);
      script.advance();
    }
    await first.hears("the end", () => account.answers(first) === 1);
    for (const place of pair.places) tabs.push(await RoamingTab.open(place, first.pair));
    const { position } = await account.settle(first, ...tabs.slice(1));
    const read = tabs.reduce((sum, { row }) => sum + row.size, 0);
    test.diagnostic(`${position} events, read ${read} times by ${tabs.length} tabs`);
    assert.ok(position > PIECES.length && read >= TABS * position);
    assertOnce(counts, position);
    await pair.assertAtRest();
  });

  it("would be seen to be encoded again, or not at all", (test) => {
    const counts = countEncodings(test);
    const event = { type: "TEXT_MESSAGE_CONTENT", messageId: "m", delta: "x" } as const;
    encodeEvent(event, 1, 0);
    JSON.stringify({ ...event, seq: 1 });
    assertOnce(counts, 1);
    assert.throws(() => assertOnce(counts, 2));
    encodeEvent(event, 1, 0);
    assert.throws(() => assertOnce(counts, 1));
  });
});
