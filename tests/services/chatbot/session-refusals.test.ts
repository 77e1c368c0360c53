// Frames that are refused, in whole or by half: what is read for them, and what is done of them all the same.

import assert from "node:assert/strict";
import { it } from "node:test";
import { AppError } from "#app/core/errors.ts";
import { until } from "../../support/until.ts";
import { startJoined } from "./talking.ts";
import { atRest, finished, say } from "./talking-on-redis.ts";

/** Of a question and an answer each: more than the history is read in at once. */
const TALKS = 60;

it("reads one page at most for a regenerate beyond the limit, however long the history, and starts nothing", async (test) => {
  const scene = await startJoined(test);
  const { core, client } = scene;
  for (let talk = 1; talk <= TALKS; talk += 1) {
    await say(client, `m${talk}`);
    await finished(client, talk);
  }
  await atRest(scene);
  client.refuse = "message";
  const { calls } = core.parts.storage;
  const before = calls.length;
  const regenerate = { type: "regenerate", messageId: "unknown" } as const;
  await assert.rejects(client.session.handle(regenerate), { code: "rate_limited" });
  await atRest(scene);
  assert.deepEqual(calls.slice(before), ["page"]);
  assert.equal(core.parts.model.calls.length, TALKS);
  client.refuse = undefined;
  await assert.rejects(client.session.handle(regenerate), { code: "message_not_found" });
  assert.deepEqual(calls.slice(before), ["page", "page", "page"], "there was more to read");
});

it("takes a switch of the persona up whose stop failed: it stands in line", async (test) => {
  const { core, client } = await startJoined(test);
  core.parts.storage.beforeNext("cancel", () => {
    throw new AppError("storage_unavailable");
  });
  const switched = client.session.handle({ type: "persona", persona: "engineer" });
  await assert.rejects(switched, { code: "storage_unavailable" });
  await until("it is taken up", () => client.shown.named("persona.changed").length === 1);
  assert.equal(Object(client.shown.named("persona.changed")[0]?.value).id, "engineer");
});
