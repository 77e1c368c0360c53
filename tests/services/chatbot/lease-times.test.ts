// How long a lease lives and how often it is renewed: the two figures, and that a real Redis and a real tenure keep them.

import assert from "node:assert/strict";
import { it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { ConversationChannel } from "#app/services/chatbot/conversation-channel.ts";
import { conversationKey } from "#app/services/chatbot/redis-keys.ts";
import { RemoteFeed } from "#app/services/chatbot/remote-feed.ts";
import { LEASE_TIMES, type Lease } from "#app/services/chatbot/run-lease.ts";
import { beginTenure } from "#app/services/chatbot/tenure.ts";
import { newConversation, takeLease } from "../../contracts/conversation-samples.ts";
import { type RedisInstances, startInstances } from "../../support/redis-harness.ts";
import { settle } from "../../support/settle.ts";
import { until } from "../../support/until.ts";
import { watchStorage } from "../../support/watched-storage.ts";

const LIFE_MS = 10_000;
const RENEW_EVERY_MS = 3_000;
/** So many renewals may be missed before the lease lapses. */
const SPARE = 3;
const POLL_MS = 25;

async function begin({ here }: RedisInstances): Promise<string> {
  const conversation = newConversation();
  await here.store.create(conversation);
  return conversation.id;
}

/** Redis's own clock, in whole milliseconds. */
async function timeOf({ server }: RedisInstances): Promise<number> {
  const [, seconds, micros] = /\r\n(\d+)\r\n\$\d+\r\n(\d+)/.exec(await server.command("TIME")) ?? [];
  return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
}

async function endOf({ server }: RedisInstances, id: string): Promise<number> {
  const answer = await server.command("HGET", conversationKey(id, "lease"), "untilMs");
  return Number(answer.split("\r\n").at(-1));
}

/** What Redis writes down as the lease's end is 10 s after the instant at which it was asked. */
async function assertLives10s(both: RedisInstances, id: string, ask: () => Promise<unknown>): Promise<void> {
  const earliest = await timeOf(both);
  await ask();
  const latest = await timeOf(both);
  const end = await endOf(both, id);
  assert.ok(
    end >= earliest + LIFE_MS && end <= latest + LIFE_MS,
    `${end - earliest} to ${end - latest} ms from ${latest - earliest} ms of asking`,
  );
}

it("a lease lives 10 s and is renewed every 3 s, so that it outlives three renewals that fail", () => {
  assert.deepEqual({ ...LEASE_TIMES }, { lifeMs: LIFE_MS, renewEveryMs: RENEW_EVERY_MS });
  assert.ok(SPARE * RENEW_EVERY_MS < LIFE_MS);
});

it("a lease lives 10 s by the clock of Redis, when it is taken and when it is renewed", async () => {
  await using both = await startInstances();
  const id = await begin(both);
  let lease: Lease | undefined;
  await assertLives10s(both, id, async () => {
    lease = await takeLease(both.here, id);
  });
  assert.ok(lease);
  const held = lease;
  await assertLives10s(both, id, () => both.here.lease.renew(held));
});

it("nobody else gets it sooner than after 10 s, and after that somebody does", async (test) => {
  await using both = await startInstances();
  const id = await begin(both);
  const takenAt = await timeOf(both);
  const first = await takeLease(both.here, id);
  let asked = 0;
  let second = await both.there.lease.acquire(id);
  while (!second) {
    asked += 1;
    assert.ok((await timeOf(both)) - takenAt < 3 * LIFE_MS, "it lapses");
    await pause(POLL_MS);
    second = await both.there.lease.acquire(id);
  }
  const gotAfterMs = (await timeOf(both)) - takenAt;
  test.diagnostic(`asked ${asked} times in vain, got it after ${gotAfterMs} ms`);
  assert.ok(gotAfterMs >= LIFE_MS, `after ${gotAfterMs} ms`);
  assert.ok(second.generation > first.generation);
  assert.equal(await both.here.lease.renew(first), false);
});

it("a tenure renews it every 3 s, and Redis then has it live 10 s again", async (test) => {
  await using both = await startInstances();
  const id = await begin(both);
  const storage = watchStorage(both.here);
  const { log } = both;
  const channel = new ConversationChannel();
  const feed = new RemoteFeed({ conversationId: id, log: storage.log, channel, logger: log });
  test.mock.timers.enable({ apis: ["setInterval"] });
  const tenure = await beginTenure({ conversationId: id, storage, channel, feed, logger: log });
  assert.ok(tenure);
  const renewals = (): number => storage.calls.filter((call) => call === "renew").length;
  for (let count = 1; count <= SPARE; count += 1) {
    const earliest = await timeOf(both);
    // About to lapse, as far as Redis knows: only a renewal makes it longer.
    await both.server.command("HSET", conversationKey(id, "lease"), "untilMs", String(earliest + 1));
    test.mock.timers.tick(RENEW_EVERY_MS - 1);
    await settle();
    assert.equal(renewals(), count - 1, "not before 3 s");
    test.mock.timers.tick(1);
    assert.equal(renewals(), count, "after 3 s");
    let end = 0;
    const look = async (): Promise<void> => {
      while (end <= earliest + 1) end = await endOf(both, id);
    };
    const looking = look();
    await until("the renewal", () => end > earliest + 1);
    await looking;
    const latest = await timeOf(both);
    assert.ok(end >= earliest + LIFE_MS && end <= latest + LIFE_MS, `${end - earliest} ms`);
  }
  await tenure.close(true);
  test.mock.timers.tick(SPARE * RENEW_EVERY_MS);
  assert.equal(renewals(), SPARE, "it renews no lease that it has given back");
});
