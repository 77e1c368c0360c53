// Coming back again and again where nothing is new: the same position, no event, no snapshot, `replayed` each time.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Place } from "./instance-pair.ts";
import { PAIRS } from "./process-pair.ts";
import { RawLine } from "./raw-line.ts";
import { ReplyAccount } from "./reply-account.ts";
import { RoamingTab } from "./roaming-tab.ts";

const TIMES = 3;

/** Three times over lines of its own, then three times over one line. */
async function comeBackForNothing(tab: RoamingTab, place: Place): Promise<void> {
  const { position } = tab;
  for (let time = 0; time < TIMES; time += 1) {
    await tab.comeBack(place);
    await assertNothingNew(tab.line, position, 1);
  }
  const line = await RawLine.open(place);
  tab.leave();
  for (let time = 1; time <= TIMES; time += 1) {
    tab.goOnOver(line);
    await line.hears("replayed", () => line.named("replayed").length === time);
    tab.resumes += 1;
    await assertNothingNew(line, position, time);
  }
  assert.equal(tab.position, position);
}

async function assertNothingNew(line: RawLine, position: number, times: number): Promise<void> {
  await line.isQuiet();
  const { epoch } = Object(line.named("joined")[0]?.value);
  for (const { value } of line.named("joined")) {
    const { lastSeq, recovered, new: isNew, epoch: same } = Object(value);
    assert.deepEqual([lastSeq, recovered, isNew, same], [position, true, false, epoch]);
  }
  assert.deepEqual(
    line.named("replayed").map(({ value }) => value),
    Array.from({ length: times }, () => ({ lastSeq: position })),
  );
  assert.equal(line.named("joined").length, times);
  assert.deepEqual([line.numbered, line.named("MESSAGES_SNAPSHOT"), line.named("error")], [[], [], []]);
}

for (const { where, open } of PAIRS)
  describe(`a tab that comes back with nothing new, ${where}`, () => {
    it("gets its position and not an event, on either instance: at the start, in a reply that rests, after it", async (test) => {
      const pair = await open(test);
      const account = new ReplyAccount(pair);
      const witness = await RoamingTab.open(pair.places[0]);
      const tab = await RoamingTab.open(pair.places[1], witness.pair);
      const everywhere = async (): Promise<void> => {
        for (const place of pair.places) await comeBackForNothing(tab, place);
      };
      await everywhere();
      const script = await account.ask(witness, ["Bir ", "😀", " iki"]);
      await tab.hears("the first words", () => tab.picture.messages.at(-1)?.content === "Bir ");
      await everywhere();
      script.finish();
      await tab.hears("the end", () => account.answers(tab) === 1);
      await everywhere();
      await account.settle(witness, tab);
      assert.equal(account.resumes, 3 * 2 * 2 * TIMES);
      account.report(test, `nothing new, ${where}`);
      await pair.assertAtRest();
    });
  });
