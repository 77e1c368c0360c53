// A conversation is erased while an instance reads its line, or behind the back of one, and made anew under the same pair:
// nothing of what was erased comes back.

import assert from "node:assert/strict";
import { it } from "node:test";
import { until } from "../../support/until.ts";
import { start, startJoined } from "./talking.ts";
import { atRest, finished, onRedis, type Scene, say, startJoinedOnRedis } from "./talking-on-redis.ts";

const never = new Promise<void>(() => undefined);

async function said({ core, id }: Pick<Scene, "core" | "id">): Promise<string[]> {
  const { messages } = await core.conversations.history(id, { limit: 50 });
  return messages.filter(({ role }) => role === "user").map(({ content }) => content);
}

for (const [place, begin] of [
  ["in memory", startJoined],
  ["on Redis", startJoinedOnRedis],
] as const)
  it(`what is erased while its line is read stays away from the conversation made anew, ${place}`, async (test) => {
    const scene = await begin(test);
    const { core, client, connect, back, id } = scene;
    await client.tell({ type: "persona", persona: "engineer" }, "persona.changed");
    await atRest(scene);
    const [read, answer] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    core.parts.storage.afterNext("page", () => {
      read.resolve();
      return answer.promise;
    });
    await say(client, "secret");
    await read.promise;
    await core.conversations.erase(id, back.resumeToken);
    answer.resolve();
    await atRest(scene);
    const next = connect();
    const joined = await next.tell({ ...back, create: true }, "joined");
    assert.equal(Object(joined.persona).id, "persona", "who answered what was erased has left with it");
    await say(next, "said since");
    await finished(next, 1);
    await atRest(scene);
    assert.deepEqual(await said(scene), ["said since"]);
    assert.deepEqual([next.shown.named("RUN_STARTED").length, core.parts.model.calls.length], [1, 1]);
  });

it("what an instance accepted that never heard of the erasure stays away, too", async (test) => {
  const scene = await onRedis(test, async (both) => {
    const there = start(test, { storage: both.there });
    return { both, there, ...(await startJoined(test, { storage: both.here })) };
  });
  const { both, core: here, there, client, back, id } = scene;
  const other = there.connect();
  await other.session.handle(back);
  there.core.parts.model.script({ until: never });
  await say(other, "first");
  await until("it is answered there", () => there.core.parts.model.active === 1);
  await say(client, "secret");
  client.session.close();
  await atRest(scene);
  await there.core.conversations.erase(id, back.resumeToken);
  const next = there.connect();
  await next.session.handle({ ...back, create: true });
  assert.equal(here.conversations.counts.live, 1, "it waits for its turn: nobody has told it");
  // Its turn comes, without the wait for it.
  await both.server.command("PUBLISH", `parley:wake:${both.here.instanceId}`, id);
  await until("it is through", () => here.conversations.counts.live === 0);
  assert.deepEqual(await said(scene), []);
  assert.deepEqual([next.shown.named("RUN_STARTED").length, here.parts.model.calls.length], [0, 0]);
});
