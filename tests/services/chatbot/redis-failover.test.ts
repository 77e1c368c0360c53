// Redis fails over to a replica, in step or lagging, and back to the process of before: held against the log's promise that
// no number of one epoch ever has two meanings, and that what is left stays readable.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, it } from "node:test";
import type { LogHead } from "#app/services/chatbot/event-log.ts";
import { createRedisBundle, type RedisBundle } from "#app/services/chatbot/redis-bundle.ts";
import { rejectsWith, takeLease } from "../../contracts/conversation-samples.ts";
import { batch, numbersAfter, openLog } from "../../contracts/event-log-samples.ts";
import { createRecordingLogger } from "../../support/recording-logger.ts";
import { startInstances, TTL_MS } from "../../support/redis-harness.ts";
import { RedisServer } from "../../support/redis-server.ts";
import { continued, follow, info, reaches } from "./coming-back.ts";

/** A replica is fed as soon as it asks. */
const PRIMARY = { args: ["--repl-diskless-sync-delay", "0"] } as const;

describe("a failover", () => {
  it("to a replica that is in step begins another epoch, and keeps every event under its number", async () => {
    await using both = await startInstances(PRIMARY);
    await using replica = await RedisServer.start(PRIMARY);
    const opened = await openLog(both.here);
    await both.here.log.append(opened.lease, batch(1, 3, 1));
    await follow(replica, both.server);
    await both.server.kill();
    await replica.command("REPLICAOF", "NO", "ONE");
    await using promoted = await connectTo(replica);
    const head = await promoted.bundle.log.open(opened.id);
    assert.notEqual(head.epoch, opened.head.epoch);
    assert.equal(head.lastSeq, 3);
    assert.deepEqual(await promoted.bundle.log.open(opened.id), head);
    const common = { from: [0, 1, 2, 3], as: [head.epoch] };
    assert.deepEqual(await continued(promoted.bundle, opened, 3), common);
    assert.deepEqual(await numbersAfter(promoted.bundle, { ...opened, head }, 0), [1, 2, 3]);
  });

  it("to a replica that lags gives the lost numbers again under another epoch alone", async () => {
    await using both = await startInstances(PRIMARY);
    await using replica = await RedisServer.start(PRIMARY);
    const opened = await openLog(both.here);
    await both.here.log.append(opened.lease, batch(1, 3, 1));
    await both.here.lease.release(opened.lease);
    await follow(replica, both.server);
    // As good as a line that was cut: what the old primary still confirms does not arrive here.
    await replica.command("REPLICAOF", "NO", "ONE");
    const lease = await takeLease(both.here, opened.id);
    await both.here.log.append(lease, batch(4, 6, 1));
    await both.server.kill();
    await using promoted = await connectTo(replica);
    const { log } = promoted.bundle;
    const next = await takeLease(promoted.bundle, opened.id);
    const head = await log.open(opened.id);
    assert.notEqual(head.epoch, opened.head.epoch);
    assert.equal(head.lastSeq, 3);
    await rejectsWith("run_interrupted", log.append(lease, batch(4, 4)));
    await log.append(next, { firstSeq: 4, events: ["another 4"], floorSeq: 1 });
    const slice = await log.read(opened.id, { epoch: head.epoch, after: 3, limit: 100 });
    assert.deepEqual(slice?.events, ["another 4"]);
    const common = { from: [0, 1, 2, 3], as: [head.epoch] };
    assert.deepEqual(await continued(promoted.bundle, opened, 6), common);
  });

  it("and back again to the very same process begins another epoch each time", async () => {
    await using both = await startInstances(PRIMARY);
    await using second = await RedisServer.start(PRIMARY);
    const { here, server: first } = both;
    const opened = await openLog(here);
    await here.log.append(opened.lease, batch(1, 3, 1));
    const runId = await info(first, "server", "run_id");
    await follow(second, first);
    await second.command("REPLICAOF", "NO", "ONE");
    // Nobody has told the old primary yet: readers were shown this, and the new one never hears of it.
    await here.log.append(opened.lease, batch(4, 4, 1));
    assert.deepEqual(await numbersAfter(here, opened, 3), [4]);
    await using promoted = await connectTo(second);
    const between = await promoted.bundle.log.open(opened.id);
    await follow(first, second);
    await first.command("REPLICAOF", "NO", "ONE");
    await reaches(here);

    assert.equal(await info(first, "server", "run_id"), runId, "it is the process of before");
    const head = await here.log.open(opened.id);
    assert.equal(new Set([opened, { head: between }, { head }].map(epochOf)).size, 3);
    assert.deepEqual([between.lastSeq, head.lastSeq], [3, 3]);
    const common = { from: [0, 1, 2, 3], as: [head.epoch] };
    assert.deepEqual(await continued(here, { ...opened, head: between }, 4), common);
    assert.deepEqual(await continued(here, opened, 4), { from: [], as: [] }, "two lives later");
    assert.deepEqual(await numbersAfter(here, { ...opened, head }, 0), [1, 2, 3]);
  });

  it("and back again, nobody having opened in between, begins another epoch all the same", async () => {
    await using both = await startInstances(PRIMARY);
    await using second = await RedisServer.start(PRIMARY);
    const { here, server: first } = both;
    const opened = await openLog(here);
    await here.log.append(opened.lease, batch(1, 3, 1));
    await follow(second, first);
    await second.command("REPLICAOF", "NO", "ONE");
    await here.log.append(opened.lease, batch(4, 4, 1));
    await follow(first, second);
    await first.command("REPLICAOF", "NO", "ONE");
    await reaches(here);
    const head = await here.log.open(opened.id);
    // Only the line of primaries tells: the process is the same, and the noted life has come back with the data.
    assert.notEqual(head.epoch, opened.head.epoch);
    assert.equal(head.lastSeq, 3);
    assert.deepEqual(await continued(here, opened, 4), { from: [0, 1, 2, 3], as: [head.epoch] });
  });
});

function epochOf({ head }: { readonly head: LogHead }): string {
  return head.epoch;
}

async function connectTo(server: RedisServer): Promise<AsyncDisposable & { readonly bundle: RedisBundle }> {
  const bundle = await createRedisBundle({
    url: server.url,
    conversationTtlMs: TTL_MS,
    instanceId: randomUUID(),
    logger: createRecordingLogger(),
  });
  return { bundle, [Symbol.asyncDispose]: () => bundle.close() };
}
