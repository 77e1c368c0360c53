// Redis dies and comes back with an older state, in which messages that were accepted do not stand: each is answered all
// the same, once, also where the line was full then, or where the run before it goes on under the lease it had.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AppError } from "#app/core/errors.ts";
import type { ClientFrame } from "#app/models/client-frame.ts";
import { conversationKey } from "#app/services/chatbot/redis-keys.ts";
import { until } from "../../support/until.ts";
import { comeBack, eventually } from "./coming-back.ts";
import { atRest, finished, type Scene, say, startJoinedOnRedis } from "./talking-on-redis.ts";

/** As many as a line holds. */
const EARLIER = ["m1", "m2", "m3", "m4", "m5"];
const LATER = ["m6", "m7", "m8", "m9", "m10"];

async function contents({ core, id }: Scene): Promise<string[]> {
  return (await core.conversations.history(id, { limit: 50 })).messages.map(({ content }) => content);
}

/** Resolves once the history holds these, and nothing is to come. */
async function holds(scene: Scene, expected: readonly string[]): Promise<void> {
  const isThere = async () => (await contents(scene).catch(() => [])).length >= expected.length;
  await eventually("everything is answered", isThere);
  await atRest(scene);
  assert.deepEqual(await contents(scene), expected);
}

/** Says them, while the first is being answered; returns what lets that go on. */
async function sayBehind({ core, client }: Scene, ids: readonly string[]): Promise<() => void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  core.parts.model.script({ until: promise }, "ok");
  for (const id of ids) await say(client, id);
  await until("the first is being answered", () => core.parts.model.active === 1);
  return resolve;
}

describe("what a Redis has forgotten that is back", () => {
  it("is answered though the line of then was full: ten accepted, all ten answered, in their order", async (test) => {
    const { both, ...scene } = await startJoinedOnRedis(test);
    const { client, id } = scene;
    const answerEarlier = await sayBehind(scene, EARLIER);
    // It would lapse in the time for which a Redis is away; here nobody waits for that.
    await both.server.command("HSET", conversationKey(id, "lease"), "untilMs", "1");
    await both.server.command("SAVE");
    answerEarlier();
    await finished(client, EARLIER.length);
    await atRest(scene);
    const answerLater = await sayBehind(scene, LATER);
    assert.equal(client.shown.named("accepted").length, 10);
    await comeBack(both.server, both.here);
    answerLater();
    await holds(
      scene,
      [...EARLIER, ...LATER].flatMap((text) => [text, "ok"]),
    );
  });

  for (const { what, frame, history } of [
    {
      what: "a message",
      frame: { type: "message", id: "two", text: "two" },
      history: ["one", "first answer", "two", "ok"],
    },
    {
      what: "an edit",
      frame: { type: "edit", messageId: "one", text: "one, otherwise" },
      history: ["one, otherwise", "ok"],
    },
  ] satisfies { what: string; frame: ClientFrame; history: string[] }[])
    it(`is answered behind a run that goes on under its lease: ${what} that was not yet seen in line`, async (test) => {
      const { both, ...scene } = await startJoinedOnRedis(test);
      const { core, client } = scene;
      const answer = Promise.withResolvers<void>();
      core.parts.model.script({ until: answer.promise }, "first answer");
      await say(client, "one");
      await until("it is being answered", () => core.parts.model.active === 1);
      await both.server.command("SAVE");
      const looked = Promise.withResolvers<void>();
      core.parts.storage.beforeNext("page", () => {
        looked.resolve();
        throw new AppError("storage_unavailable");
      });
      await client.session.handle(frame);
      await looked.promise;
      assert.equal(client.shown.named("accepted").length, 2);
      await comeBack(both.server, both.here);
      answer.resolve();
      await finished(client, 2);
      await holds(scene, history);
      assert.deepEqual(client.shown.named("RUN_ERROR"), []);
    });
});
