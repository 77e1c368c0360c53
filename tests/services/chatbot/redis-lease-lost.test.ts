// The answer to taking a lease is lost on its way: nobody here knows that the lease is held, and it stands under our own
// name. Whoever waits for a reply must not wait for it to lapse.

import assert from "node:assert/strict";
import { it } from "node:test";
import { createRedisBundle } from "#app/services/chatbot/redis-bundle.ts";
import { conversationKey } from "#app/services/chatbot/redis-keys.ts";
import { newConversation } from "../../contracts/conversation-samples.ts";
import { heldUpMs } from "../../support/held-up.ts";
import { createRecordingLogger } from "../../support/recording-logger.ts";
import { RedisServer } from "../../support/redis-server.ts";
import { TcpProxy } from "../../support/tcp-proxy.ts";

const TTL_MS = 3_600_000;

it("a lease of which only the answer was lost is had at the next attempt, and not by anybody else meanwhile", async () => {
  await using redis = await RedisServer.start();
  await using proxy = await TcpProxy.start(redis.port);
  const options = { conversationTtlMs: TTL_MS, logger: createRecordingLogger() };
  const here = await createRedisBundle({
    ...options,
    url: `redis://127.0.0.1:${proxy.port}`,
    instanceId: "here",
  });
  const there = await createRedisBundle({ ...options, url: redis.url, instanceId: "there" });
  try {
    const wish = newConversation();
    await here.store.create(wish);
    proxy.stall("to-client");
    await assert.rejects(here.lease.acquire(wish.id), { code: "storage_unavailable" });
    await proxy.heal();
    assert.equal(await there.lease.acquire(wish.id), undefined, "it was carried out");
    const lease = await here.lease.acquire(wish.id);
    assert.ok(lease, "our own is no reason to wait");
    assert.equal(await here.lease.acquire(wish.id), undefined, "what is held here is held, as ever");
    assert.equal(await here.lease.renew(lease), true);
  } finally {
    await Promise.all([here.close(), there.close()]);
  }
});

/** How long after its beginning a call that was lost is still made again. */
const EARLY_MS = 200;

/** Undefined where the connection was cut too late, since this process was held up. */
async function acquireThroughCut(): Promise<boolean | undefined> {
  await using redis = await RedisServer.start();
  await using proxy = await TcpProxy.start(redis.port);
  const logger = createRecordingLogger();
  const url = `redis://127.0.0.1:${proxy.port}`;
  const here = await createRedisBundle({ conversationTtlMs: TTL_MS, logger, url, instanceId: "here" });
  try {
    const { id } = newConversation();
    proxy.stall("to-client");
    const at = performance.now();
    const acquiring = here.lease.acquire(id);
    const outcome = Promise.allSettled([acquiring]);
    const owner = () => redis.command("HGET", conversationKey(id, "lease"), "owner");
    while (performance.now() - at < EARLY_MS && !(await owner()).includes("here"));
    const cutAt = performance.now();
    proxy.cut();
    await proxy.heal();
    await outcome;
    if (cutAt - at + heldUpMs(cutAt) >= EARLY_MS) return undefined;
    const lease = await acquiring;
    return lease !== undefined && (await here.lease.renew(lease));
  } finally {
    await here.close();
  }
}

it("a lease whose answer went with its connection is had on the next one, at once", async () => {
  let isHeld = await acquireThroughCut();
  for (let again = 0; isHeld === undefined && again < 10; again += 1) isHeld = await acquireThroughCut();
  assert.equal(isHeld, true);
});
