// Ten tabs of one conversation on two instances: all read the same text of every frame, those too that are cut off.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PAIRS } from "./process-pair.ts";
import { ReplyAccount } from "./reply-account.ts";
import { RoamingTab } from "./roaming-tab.ts";

const TABS = 10;
const PIECES = Array.from({ length: 12 }, (_, index) => `${index} ığüşöç 👩‍👩‍👧‍👦→`);

for (const { where, open } of PAIRS)
  describe(`ten tabs on two instances, ${where}`, () => {
    it("read the same bytes, whoever asks, and whoever is cut off meanwhile", async (test) => {
      const pair = await open(test);
      const account = new ReplyAccount(pair);
      const first = await RoamingTab.open(pair.places[0]);
      const tabs = [first];
      while (tabs.length < TABS)
        tabs.push(await RoamingTab.open(pair.places[tabs.length % 2 === 0 ? 0 : 1], first.pair));
      for (const asker of [0, 3, 6, 9]) {
        const tab = tabs[asker];
        assert.ok(tab);
        const script = await account.ask(
          tab,
          PIECES.map((piece) => `${asker}/${piece}`),
        );
        for (let piece = 1; piece <= PIECES.length; piece += 1) {
          const soFar = script.pieces.slice(0, piece).join("");
          const hear = (each: RoamingTab) =>
            each.hears(`${piece} pieces`, () => each.picture.messages.at(-1)?.content === soFar);
          await Promise.all(tabs.map(hear));
          // All but the first two are cut off in turns, and come back on the other instance or on the same one.
          const moving = tabs[2 + ((asker + piece) % (TABS - 2))];
          const place = pair.places[(asker + (piece >> 1)) % 2 === 0 ? 0 : 1];
          const isBack = moving?.comeBack(place);
          script.advance();
          await isBack;
        }
        await Promise.all(
          tabs.map((each) =>
            each.hears("the end", () => account.answers(each) === account.scripts(first).length),
          ),
        );
      }
      const { position } = await account.settle(first, ...tabs.slice(1));
      for (const tab of tabs) {
        assert.equal(tab.row.size, position);
        assert.deepEqual([...tab.row], [...first.row]);
      }
      account.report(test, `${TABS} tabs, ${where}`);
      test.diagnostic(
        `${position} events, ${new Set(first.row.values()).size} different texts, equal in ${TABS} tabs`,
      );
      await pair.assertAtRest();
    });
  });
