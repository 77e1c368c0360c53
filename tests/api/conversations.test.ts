// A conversation of one's own over plain HTTP: exported, read in pages, erased; and what strangers hear.

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { z } from "zod";
import { ownPair, Talk } from "../support/conversation.ts";
import { ask, makeConversation, type Pair, refusal } from "../support/event-stream-client.ts";
import { createLocalBundle } from "../support/local-bundle.ts";
import { type RunningApp, startApp } from "../support/running-app.ts";
import { createScriptedModel, type ScriptedModel } from "../support/scripted-model.ts";
import { createSmallRegistry } from "../support/small-registry.ts";
import { until } from "../support/until.ts";

interface Scene {
  readonly app: RunningApp;
  readonly model: ScriptedModel;
  readonly pair: Pair;
  readonly tab: () => Promise<Talk>;
}

async function start(t: TestContext): Promise<Scene> {
  const model = createScriptedModel();
  const registry = createSmallRegistry();
  const storage = createLocalBundle();
  const app = await startApp(t, { model, registry, storage });
  const pair = ownPair();
  await makeConversation(app, pair);
  const tab = async (): Promise<Talk> => {
    const talk = new Talk(await app.connect());
    await talk.join(pair);
    return talk;
  };
  return { app, model, pair, tab };
}

const messageSchema = z.strictObject({
  id: z.string(),
  role: z.string(),
  content: z.string(),
  metadata: z.record(z.string(), z.unknown()),
});
const exportSchema = z.strictObject({
  conversationId: z.string(),
  createdAt: z.number(),
  persona: z.unknown(),
  storage: z.string(),
  messages: z.array(messageSchema),
});

async function exported(app: RunningApp, pair: Pair) {
  const response = await ask(app, pair, "");
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("cache-control"), "no-store");
  return exportSchema.parse(await response.json());
}

describe("an export", () => {
  it("holds the conversation and every message, oldest first, byte for byte, with what waits", async (t) => {
    const { app, model, pair, tab } = await start(t);
    const talk = await tab();
    const hard = 'İ 👩‍🔬 \u2028 "}] \u0000 </script>';
    model.script(hard);
    const { messageId } = await talk.say(hard);
    await talk.client.next(({ type }) => type === "RUN_FINISHED");
    talk.client.send({ type: "feedback", messageId, rating: "up" });
    await talk.custom("feedback.saved");
    model.script("begun", { until: new Promise(() => undefined) });
    await talk.say("running");
    await talk.heard("begun");
    await talk.say("waiting");
    const body = await exported(app, pair);
    assert.deepEqual(Object.keys(body), ["conversationId", "createdAt", "persona", "storage", "messages"]);
    assert.deepEqual(
      [body.conversationId, body.persona, body.storage],
      [pair.conversationId, { id: "ada", kind: "persona", name: "Ada Lovelace" }, "memory"],
    );
    assert.ok(Math.abs(Date.now() - body.createdAt) < 60_000);
    assert.deepEqual(
      body.messages.map(({ role, content }) => [role, content]),
      [
        ["user", hard],
        ["assistant", hard],
        ["user", "running"],
        ["user", "waiting"],
      ],
    );
    assert.deepEqual(Object(body.messages[0]?.metadata).feedback, { rating: "up" });
    assert.equal(Object(body.messages[3]?.metadata).waiting, true);
  });

  for (const exchanges of [0, 49, 50, 51, 130]) {
    it(`of ${exchanges * 2} messages has each once, in their order, and is the history of the socket`, async (t) => {
      const { app, pair, tab } = await start(t);
      const talk = await tab();
      for (let number = 0; number < exchanges; number += 1) await talk.ask(`question ${number}`);
      const { messages } = await exported(app, pair);
      assert.equal(messages.length, exchanges * 2);
      assert.equal(new Set(messages.map(({ id }) => id)).size, exchanges * 2);
      const asked = messages.filter(({ role }) => role === "user").map(({ content }) => content);
      assert.deepEqual(
        asked,
        Array.from({ length: exchanges }, (_, number) => `question ${number}`),
      );
      const newest = (await talk.history({ limit: 100 })).messages;
      assert.deepEqual(messages.slice(-100), newest);
    });
  }
});

describe("a page of messages", () => {
  it("is what the history frame answers, from the newest down to the first", async (t) => {
    const { app, pair, tab } = await start(t);
    const talk = await tab();
    for (const text of ["a", "b", "c"]) await talk.ask(text);
    let before: string | null = "";
    const seen: unknown[] = [];
    for (let hasMore = true; hasMore; ) {
      const query = before === "" ? "?limit=4" : `?limit=4&before=${before}`;
      const response = await ask(app, pair, `/messages${query}`);
      assert.equal(response.status, 200);
      const page = Object(await response.json());
      assert.deepEqual(page, await talk.history({ limit: 4, ...(before && { before }) }));
      seen.unshift(...page.messages.map(({ content }: { content: string }) => content));
      ({ before, hasMore } = page);
    }
    assert.deepEqual(seen, ["a", "ok", "b", "ok", "c", "ok"]);
  });

  it("refuses a query that it does not understand, and a message that it does not know", async (t) => {
    const { app, pair } = await start(t);
    for (const query of [
      "limit=0",
      "limit=101",
      "limit=x",
      "limit=",
      "limit=1e1",
      "before=",
      "before=a%20b",
      "x=1",
    ])
      assert.deepEqual(
        await refusal(await ask(app, pair, `/messages?${query}`)),
        [400, "invalid_frame"],
        query,
      );
    const unknown = await refusal(await ask(app, pair, "/messages?before=unknown"));
    assert.deepEqual(unknown, [404, "message_not_found"]);
  });
});

describe("whoever has not the token of a conversation", () => {
  const calls: Readonly<Record<string, readonly [part: string, init: RequestInit]>> = {
    "its export": ["", {}],
    "its messages": ["/messages", {}],
    "its messages before one": ["/messages?before=unknown", {}],
    "its events": ["/events", {}],
    "its events from a position": ["/events", { headers: { "last-event-id": "x:1" } }],
    "its erasure": ["", { method: "DELETE" }],
    ...Object.fromEntries(
      [
        { type: "message", text: "Hello" },
        { type: "stop" },
        { type: "history" },
        { type: "typing", state: "start" },
        { type: "ack", seq: 1 },
        { type: "ping" },
      ].map((frame) => [
        `its command ${frame.type}`,
        [
          "/commands",
          { method: "POST", body: JSON.stringify(frame), headers: { "content-type": "application/json" } },
        ] as const,
      ]),
    ),
  };
  for (const [name, [part, init]] of Object.entries(calls)) {
    it(`hears the same of ${name} as of one that never was, and nothing without a token`, async (t) => {
      const { app, pair } = await start(t);
      const strange = { ...pair, resumeToken: ownPair().resumeToken };
      const pairs = [
        strange,
        ownPair(),
        { ...strange, resumeToken: "short" },
        { ...pair, conversationId: "x" },
      ];
      for (const other of [...pairs, { ...pair, conversationId: "..%2f".padEnd(40, "a") }])
        assert.deepEqual(await refusal(await ask(app, other, part, init)), [404, "conversation_not_found"]);
      const { conversationId } = pair;
      const bare = await fetch(`${app.url}/api/v1/conversations/${conversationId}${part}`, init);
      assert.deepEqual(await refusal(bare), [401, "unauthorized"]);
      assert.equal((await ask(app, pair, "")).status, 200, "nothing was done to it");
    });
  }

  it("hears of no address for an id that is longer than any", async (t) => {
    const { app, pair } = await start(t);
    const long = { ...pair, conversationId: "a".repeat(65) };
    assert.deepEqual(await refusal(await ask(app, long, "")), [404, "route_not_found"]);
  });
});

describe("an erasure over HTTP", () => {
  it("takes the conversation from every tab, and gives it back to nobody", async (t) => {
    const { app, pair, tab } = await start(t);
    const tabs = [await tab(), await tab()];
    await tabs[0]?.ask("Hello");
    assert.equal((await ask(app, pair, "", { method: "DELETE" })).status, 204);
    for (const { client } of tabs) {
      assert.equal((await client.closed).code, 4506);
      assert.equal(client.frames.at(-1)?.name, "conversation.erased");
    }
    const [again, read] = [await ask(app, pair, "", { method: "DELETE" }), await ask(app, pair, "")];
    for (const response of [again, read])
      assert.deepEqual(await refusal(response), [404, "conversation_not_found"]);
    const back = new Talk(await app.connect());
    back.client.send({ type: "join", ...pair });
    assert.equal((await back.refused()).code, "conversation_not_found");
  });

  it("breaks off the reply that runs, within 250 ms at the model, and records nothing of it", async (t) => {
    const { app, model, pair, tab } = await start(t);
    const talk = await tab();
    model.script("Good ", { until: new Promise(() => undefined) }, "bye");
    await talk.say("Hello");
    await talk.say("and this waits");
    await talk.heard("Good ");
    const startedAt = performance.now();
    assert.equal((await ask(app, pair, "", { method: "DELETE" })).status, 204);
    await until("the model is let go", () => model.active === 0, 250);
    t.diagnostic(`model let go after ${Math.round(performance.now() - startedAt)} ms`);
    assert.equal((await talk.client.closed).code, 4506);
    assert.equal(model.calls.length, 1, "what waited is not answered");
    const made = await makeConversation(app, pair);
    assert.deepEqual([made.new, made.lastSeq, made.activeRunId], [true, 0, undefined]);
    assert.deepEqual((await exported(app, pair)).messages, []);
    const anew = await tab();
    model.script("anew");
    assert.equal((await anew.ask("Hello again")).text, "anew");
    assert.deepEqual(await anew.contents(), ["Hello again", "anew"]);
    assert.deepEqual(
      app.log.lines.filter(({ level }) => level === "error"),
      [],
    );
  });

  it("forgets who was chosen to answer: what is made under the id next begins with the main persona", async (t) => {
    const { app, pair, tab } = await start(t);
    const talk = await tab();
    talk.client.send({ type: "persona", persona: "engineer" });
    await talk.custom("persona.changed");
    assert.equal((await ask(app, pair, "", { method: "DELETE" })).status, 204);
    assert.equal((await makeConversation(app, pair)).persona.id, "ada");
  });

  it("ends a request that waits for its one reply", async (t) => {
    const { app, model, pair } = await start(t);
    model.script({ until: new Promise(() => undefined) });
    const waiting = fetch(`${app.url}/api/v1/chat`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ message: "Hello", ...pair }),
    });
    await until("the model is asked", () => model.active === 1);
    assert.equal((await ask(app, pair, "", { method: "DELETE" })).status, 204);
    assert.deepEqual(await refusal(await waiting), [404, "conversation_not_found"]);
  });
});
