// How long a resume takes, from the join to `replayed`, in a conversation with a reply of 2,000 token frames; and that
// each of them brings exactly what is missing. The figures are printed and not judged: the machine may be busy.

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { openPair, type Place } from "./instance-pair.ts";
import { writeLongReply } from "./long-reply.ts";
import { RawLine } from "./raw-line.ts";
import { RoamingTab } from "./roaming-tab.ts";

const TOKENS = 2_000;
const RESUMES = 100;
const tokens = Array.from({ length: TOKENS }, (_, index) => `${index} ığüş→😀 `);

/** Milliseconds of one resume, whose frames are compared as they came. */
async function resume(place: Place, tab: RoamingTab, row: readonly string[], after: number): Promise<number> {
  const line = await RawLine.open(place);
  const { epoch } = tab.bookmark;
  const joinedAt = performance.now();
  line.send({ type: "join", ...tab.pair, epoch, after });
  // Looked at as text: parsing 2,000 frames is not what is measured.
  await line.hears("replayed", () => line.texts.at(-1)?.includes('"name":"replayed"') ?? false);
  const durationMs = performance.now() - joinedAt;
  line.terminate();
  assert.deepEqual(line.numbered, row.slice(after));
  return durationMs;
}

function report(test: TestContext, what: string, durationsMs: readonly number[]): void {
  const sorted = durationsMs.toSorted((one, other) => one - other);
  const at = (share: number): string => (sorted[Math.ceil(sorted.length * share) - 1] ?? 0).toFixed(1);
  test.diagnostic(`${what}: ${sorted.length} resumes, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`);
}

describe("a resume in a reply of 2,000 token frames", () => {
  it("brings what is missing, from its start, its middle and its end, on both instances", async (test) => {
    const pair = await openPair(test);
    const tab = await RoamingTab.open(pair.places[0]);
    await writeLongReply({ redisUrl: pair.redisUrl, conversationId: tab.pair.conversationId, tokens });
    await tab.hears("the end", () => tab.row.size === TOKENS + 4);
    assert.equal(tab.picture.messages.at(-1)?.content, tokens.join(""));
    const row = [...tab.row.values()];
    for (const missing of [row.length, TOKENS / 2, 10, 0]) {
      const durationsMs: number[] = [];
      for (let index = 0; index < RESUMES; index += 1) {
        const place = pair.places[index % 2 === 0 ? 0 : 1];
        durationsMs.push(await resume(place, tab, row, row.length - missing));
      }
      report(test, `${missing} events missing`, durationsMs);
    }
    tab.leave();
    await pair.assertAtRest();
  });
});
