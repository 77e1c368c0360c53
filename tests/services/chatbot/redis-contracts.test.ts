// The storage contracts, unchanged, on a real Redis, and on a node of a cluster, which refuses keys of two slots.

import { after, before, describe } from "node:test";
import { describeConversationStore } from "../../contracts/conversation-store.ts";
import { describeEventLog } from "../../contracts/event-log.ts";
import { describeRunLease } from "../../contracts/run-lease.ts";
import { harnessesOn, type RedisInstances, startInstances } from "../../support/redis-harness.ts";

for (const cluster of [false, true]) {
  describe(cluster ? "on a node of a cluster" : "on a single Redis", () => {
    let instances: RedisInstances | undefined;
    const createHarness = harnessesOn(() => {
      if (!instances) throw new Error("not started");
      return instances;
    });
    before(async () => {
      instances = await startInstances({ cluster });
    });
    after(() => instances?.[Symbol.asyncDispose]());
    describeConversationStore("RedisConversationStore", createHarness);
    describeEventLog("RedisEventLog", createHarness);
    describeRunLease("RedisRunLease", createHarness);
  });
}
