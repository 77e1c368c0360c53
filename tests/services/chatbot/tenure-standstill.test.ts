// A process that was stopped for longer than a lease lives, on a storage that does not answer when it goes on.

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { LEASE_TIMES } from "#app/services/chatbot/run-lease.ts";
import { stopCauseOf } from "#app/services/chatbot/run-stop.ts";
import { until } from "../../support/until.ts";
import { away, startTenure } from "./away-tenure.ts";

describe("a tenure that stood still for longer than a lease lives", () => {
  /** As after SIGSTOP and SIGCONT, or a lid that was closed. */
  const standStill = (test: TestContext, ms: number = LEASE_TIMES.lifeMs): void => {
    const now = Date.now.bind(Date);
    test.mock.method(Date, "now", () => now() + ms);
  };

  it("shows nothing more of its own where the storage does not answer then: somebody else may be at it", async (test) => {
    const scene = await startTenure(test);
    await scene.write("a");
    standStill(test);
    scene.storage.beforeNext("append", away);
    await scene.write("b");
    assert.equal(stopCauseOf(scene.tenure.ended), "lease-lost");
    assert.deepEqual(scene.shown, ["1:a"]);
    assert.equal(scene.shelter.detachedOf(scene.id), undefined);
    assert.deepEqual(scene.logger.lines, []);
  });

  it("does so, too, where it stood still for less, and the last renewal was not answered", async (test) => {
    const scene = await startTenure(test);
    scene.storage.beforeNext("renew", away);
    await until("a renewal", () => scene.storage.calls.includes("renew"));
    standStill(test, LEASE_TIMES.lifeMs - LEASE_TIMES.renewEveryMs);
    scene.storage.beforeNext("append", away);
    await scene.write("b");
    assert.equal(stopCauseOf(scene.tenure.ended), "lease-lost");
    assert.deepEqual(scene.shown, []);
  });

  it("goes on without the storage as ever once the lease was seen to be its own", async (test) => {
    const scene = await startTenure(test);
    await scene.write("a");
    standStill(test);
    await until("a renewal", () => scene.storage.calls.includes("renew"));
    await scene.write("b");
    await scene.leave("c");
    assert.deepEqual(scene.shown, ["1:a", "2:b", "3:c"]);
  });
});
