// A tab that comes back before its old connection is seen to be gone. Nothing is lost or doubled on the new one, and
// whatever becomes of the old one does not touch it.

import { describe, it } from "node:test";
import { FATES, playEachWay } from "./half-dead.ts";
import { openPair } from "./instance-pair.ts";
import { ReplyAccount } from "./reply-account.ts";

const TIMES = 3;
/** Longer than the stall that excuses everybody: clients and instances share this process, and a lesser one is no death. */
const HEARTBEAT_S = "3";

describe("a tab that is back before its old connection is gone", () => {
  for (const fate of FATES) {
    it(`reads everything once, where the old one ${fate}`, async (test) => {
      const isDead = fate === "is found dead by the heartbeat";
      const pair = await openPair(test, isDead ? { env: { WS_HEARTBEAT_SECONDS: HEARTBEAT_S } } : {});
      const account = new ReplyAccount(pair);
      const plays = await playEachWay({ pair, account, fate }, TIMES);
      account.report(test, `the old one ${fate}`);
      const gapsMs = plays.map(({ gapMs }) => gapMs);
      test.diagnostic(`back within ${Math.ceil(Math.max(...gapsMs))} ms of the old one's last frame`);
      await pair.assertAtRest();
    });
  }
});
