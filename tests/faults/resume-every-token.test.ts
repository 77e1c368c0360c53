// A line that breaks after every single token of a reply: each time the tab goes on at the other instance. The next
// token comes while nobody reads, in the moment of the join, or when the tab is level again: in turns.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { JOIN_MS } from "#app/services/chatbot/delta-joiner.ts";
import { PAIRS } from "./process-pair.ts";
import { RawLine } from "./raw-line.ts";
import { ReplyAccount } from "./reply-account.ts";
import { RoamingTab } from "./roaming-tab.ts";

const TOKENS = 200;
const WORDS = ["değil ", "ığdır ", "Şu ", "😀 ", "👩‍👩‍👧‍👦", "çöp→", "İ", "e\u0301 ", "\r\n", "\u0000"];
const tokens = Array.from({ length: TOKENS }, (_, index) => `${index}${WORDS[index % WORDS.length] ?? ""}`);

function hasHeard(tab: RoamingTab, index: number): Promise<void> {
  const soFar = tokens.slice(0, index + 1).join("");
  return tab.hears(`token ${index}`, () => tab.picture.messages.at(-1)?.content === soFar);
}

for (const { where, open } of PAIRS)
  describe(`a reply whose reader is cut off after every token, ${where}`, () => {
    it("is read whole, to the byte, over two instances in turns", async (test) => {
      const pair = await open(test);
      const account = new ReplyAccount(pair);
      const tab = await RoamingTab.open(pair.places[0]);
      const witness = await RoamingTab.open(pair.places[0], tab.pair);
      const script = await account.ask(tab, tokens);
      for (let index = 0; index < TOKENS; index += 1) {
        await hasHeard(tab, index);
        const place = pair.places[(index + 1) % 2] ?? pair.places[0];
        if (index % 3 === 0) {
          tab.leave();
          script.advance();
          if (index + 1 < TOKENS) await hasHeard(witness, index + 1);
          await tab.comeBack(place);
        } else if (index % 3 === 1) {
          tab.leave();
          const line = await RawLine.open(place);
          // From here on a token is not held back to be joined with the next one: it goes out as the join comes in.
          await pause(JOIN_MS);
          script.advance();
          tab.goOnOver(line);
          await tab.isBack();
        } else {
          await tab.comeBack(place);
          script.advance();
        }
      }
      const story = await account.settle(witness, tab);
      const deltas = story.events.filter(({ type }) => type === "TEXT_MESSAGE_CONTENT");
      assert.deepEqual(
        deltas.map(({ delta }) => delta),
        tokens,
        "one token was one frame, so that every token was a place to break off",
      );
      assert.equal(account.resumes, TOKENS);
      account.report(test, `a drop at every token, ${where}`);
      await pair.assertAtRest();
    });
  });
