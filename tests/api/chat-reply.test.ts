// One question and one reply over plain HTTP, as JSON and as server-sent events.

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { EventSchemas } from "@ag-ui/core/schemas";
import { z } from "zod";
import { AppError } from "#app/core/errors.ts";
import { ownPair, Talk } from "../support/conversation.ts";
import { createPacedScript } from "../support/paced-model.ts";
import { startApp } from "../support/running-app.ts";
import { createScriptedModel } from "../support/scripted-model.ts";
import { createSmallRegistry } from "../support/small-registry.ts";
import { joinDeltas } from "../support/wire-invariants.ts";

const replySchema = z.strictObject({
  conversationId: z.string(),
  resumeToken: z.string().optional(),
  runId: z.string(),
  outcome: z.string(),
  message: z.strictObject({
    id: z.string().nullable(),
    role: z.literal("assistant"),
    content: z.string(),
    metadata: z.record(z.string(), z.unknown()),
  }),
});

async function start(t: TestContext) {
  const model = createScriptedModel();
  const app = await startApp(t, { model, registry: createSmallRegistry() });
  const post = (body: unknown, headers: Record<string, string> = {}) =>
    fetch(`${app.url}/api/v1/chat`, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
  const ask = async (body: unknown) => replySchema.parse(await (await post(body)).json());
  const refused = async (body: unknown): Promise<[number, unknown]> => {
    const response = await post(body);
    const { error } = z.object({ error: z.object({ code: z.string() }) }).parse(await response.json());
    return [response.status, error.code];
  };
  return { app, model, post, ask, refused };
}

/** The events of a server-sent stream, each held against the AG-UI schema. */
function eventsOf(body: string): { type: string; [field: string]: unknown }[] {
  return body
    .split("\n\n")
    .filter((block) => block !== "")
    .map((block) => {
      const event: unknown = JSON.parse(block.replace(/^data: /, ""));
      assert.ok(EventSchemas.safeParse(event).success, block);
      return z.looseObject({ type: z.string() }).parse(event);
    });
}

const EVENT_STREAM = { Accept: "text/event-stream" };

describe("POST /api/v1/chat", () => {
  it("answers with the whole reply, and with what is needed to go on", async (t) => {
    const { model, ask, app } = await start(t);
    model.script("Çok ", "iyi ", "😀");
    const first = await ask({ message: "Nasılsın?" });
    assert.partialDeepStrictEqual(first, { outcome: "success", message: { content: "Çok iyi 😀" } });
    assert.equal(first.message.metadata.source, "model");
    const { conversationId, resumeToken } = first;
    const second = await ask({ message: "And now?", conversationId, resumeToken });
    assert.equal(second.conversationId, conversationId);
    assert.equal(second.resumeToken, undefined);
    const talk = new Talk(await app.connect());
    await talk.join({ conversationId, resumeToken });
    assert.deepEqual(
      (await talk.history()).messages.map(({ content }) => content),
      ["Nasılsın?", "Çok iyi 😀", "And now?", "ok"],
    );
  });

  it("lets the body choose who answers", async (t) => {
    const { ask, model } = await start(t);
    await ask({ message: "hello", persona: "engineer" });
    const { message } = await ask({ message: "hello", object: "card" });
    assert.equal(message.metadata.revision, "222222222222");
    assert.equal(model.calls.length, 2);
  });

  it("streams the run's events, from its start to its end and nothing else", async (t) => {
    const { post, model } = await start(t);
    model.script("one ", "two");
    const response = await post({ message: "count" }, EVENT_STREAM);
    assert.equal(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
    assert.equal(response.headers.get("cache-control"), "no-store");
    assert.match(response.headers.get("x-resume-token") ?? "", /^[\w-]{22}$/);
    const events = eventsOf(await response.text());
    assert.equal(events[0]?.type, "RUN_STARTED");
    assert.equal(events.at(-1)?.type, "RUN_FINISHED");
    assert.equal(events[0]?.threadId, response.headers.get("x-conversation-id"));
    assert.equal(joinDeltas(events), "one two");
  });

  it("streams as the model speaks, not when it has ended", async (t) => {
    const { post, model } = await start(t);
    const script = createPacedScript("first ", "second");
    model.script(...script.steps);
    const { body } = await post({ message: "speak" }, EVENT_STREAM);
    let seen = "";
    for await (const chunk of (body ?? assert.fail()).pipeThrough(new TextDecoderStream())) {
      seen += chunk;
      if (seen.includes("first ")) script.finish();
    }
    assert.equal(joinDeltas(eventsOf(seen)), script.text);
  });

  it("goes on when its reader leaves, and the socket that comes finds all of it", async (t) => {
    const { app, post, model } = await start(t);
    const script = createPacedScript("first ", "second");
    model.script(...script.steps);
    const response = await post({ message: "speak" }, EVENT_STREAM);
    const conversationId = response.headers.get("x-conversation-id");
    const resumeToken = response.headers.get("x-resume-token");
    await response.body?.cancel();
    const talk = new Talk(await app.connect());
    const { activeRunId = assert.fail("nothing runs") } = await talk.join({ conversationId, resumeToken });
    script.finish();
    assert.equal((await talk.run(activeRunId)).text, script.text);
  });

  it("waits its turn behind what a socket has asked, and gets its own reply", async (t) => {
    const { app, ask, model } = await start(t);
    const script = createPacedScript("for the ", "socket");
    model.script(...script.steps);
    model.script("for the post");
    const talk = new Talk(await app.connect());
    const { conversationId, resumeToken } = await talk.join();
    const { runId } = await talk.say("first");
    await talk.heard("for the ");
    const posted = ask({ message: "second", conversationId, resumeToken });
    await talk.custom("message.accepted");
    script.finish();
    assert.equal((await posted).message.content, "for the post");
    assert.equal((await talk.run(runId)).text, script.text);
  });

  it("tells a stopped reply from a whole one", async (t) => {
    const { app, post, model } = await start(t);
    model.script(...createPacedScript("said ", "never").steps);
    const talk = new Talk(await app.connect());
    const { conversationId, resumeToken } = await talk.join();
    const posted = post({ message: "speak", conversationId, resumeToken });
    await talk.heard("said ");
    talk.client.send({ type: "stop" });
    const reply = replySchema.parse(await (await posted).json());
    assert.partialDeepStrictEqual(reply, {
      outcome: "cancelled",
      message: { content: "said ", metadata: { partial: true } },
    });
  });

  it("turns a model that fails before its first word into an HTTP error, as a stream into RUN_ERROR", async (t) => {
    const { post, refused, model } = await start(t);
    model.script({ fail: new AppError("llm_unavailable") });
    assert.deepEqual(await refused({ message: "speak" }), [503, "llm_unavailable"]);
    model.script({ fail: new TypeError("secret-cause") });
    assert.deepEqual(await refused({ message: "speak" }), [500, "internal_error"]);
    model.script("half ", { fail: new AppError("llm_timeout") });
    const body = await (await post({ message: "speak" }, EVENT_STREAM)).text();
    assert.partialDeepStrictEqual(eventsOf(body).at(-1), { type: "RUN_ERROR", code: "llm_timeout" });
    assert.doesNotMatch(body, /secret-cause/);
  });

  it("refuses what it cannot answer, each by its code", async (t) => {
    const { refused, ask, model } = await start(t);
    const { conversationId } = await ask({ message: "hello" });
    const { resumeToken } = ownPair();
    for (const [body, status, code] of [
      [{}, 400, "invalid_frame"],
      [{ message: "" }, 400, "invalid_frame"],
      [{ message: "  \n" }, 400, "invalid_frame"],
      [{ message: 7 }, 400, "invalid_frame"],
      [{ message: "a", extra: 1 }, 400, "invalid_frame"],
      [{ message: "a", conversationId }, 400, "invalid_frame"],
      [{ message: "a", resumeToken }, 400, "invalid_frame"],
      [{ message: "a", persona: "engineer", object: "card" }, 400, "invalid_frame"],
      [{ message: "a", persona: "../../etc" }, 400, "invalid_frame"],
      [{ message: "a", locale: "<b>" }, 400, "invalid_frame"],
      [[{ message: "a" }], 400, "invalid_frame"],
      ["a", 400, "invalid_frame"],
      [null, 400, "invalid_frame"],
      [{ message: "a".repeat(2_001) }, 413, "message_too_long"],
      [{ message: "a", persona: "nobody" }, 404, "persona_not_found"],
      [{ message: "a", conversationId, resumeToken }, 404, "conversation_not_found"],
      [{ message: "a", ...ownPair() }, 404, "conversation_not_found"],
    ] as const) {
      assert.deepEqual(await refused(body), [status, code], JSON.stringify(body).slice(0, 80));
    }
    assert.equal(model.calls.length, 1);
  });

  it("takes no more messages of an address than it may send in a minute", async (t) => {
    const registry = createSmallRegistry();
    const app = await startApp(t, { model: createScriptedModel(), registry }, { MESSAGES_PER_MINUTE: "2" });
    const statuses: number[] = [];
    let retryAfter: string | null = null;
    for (let count = 0; count < 3; count += 1) {
      const response = await fetch(`${app.url}/api/v1/chat`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: '{"message":"hello"}',
      });
      statuses.push(response.status);
      retryAfter = response.headers.get("retry-after");
      await response.text();
    }
    assert.deepEqual(statuses, [200, 200, 429]);
    assert.ok(Number(retryAfter) > 50 && Number(retryAfter) <= 60);
  });
});
