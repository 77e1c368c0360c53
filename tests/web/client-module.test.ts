// The client library as strangers get it: fetched from the running server, imported as it came, and talking.

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import type { TextStorage } from "#app/web/session-record.ts";
import { type RunningApp, startApp } from "../support/running-app.ts";
import { until } from "../support/until.ts";

type ClientModule = typeof import("#app/web/client.ts");
type Client = ReturnType<ClientModule["createChatClient"]>;

/** Imports `/client.js` of the app from its text alone: nothing beside it can be reached from a data: address. */
async function importPublished(app: RunningApp): Promise<ClientModule> {
  const response = await fetch(`${app.url}/client.js`);
  assert.equal(response.status, 200);
  const text = await response.text();
  return import(`data:text/javascript;base64,${Buffer.from(text).toString("base64")}`);
}

async function connect(t: TestContext, app: RunningApp, storage: TextStorage = memory()): Promise<Client> {
  const { createChatClient } = await importPublished(app);
  const client = createChatClient({ url: `${app.url.replace("http", "ws")}/api/v1/chat/ws`, storage });
  t.after(() => client.close());
  return client;
}

function memory(): TextStorage {
  const kept = new Map<string, string>();
  return { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => void kept.set(key, value) };
}

function replies({ state }: Client) {
  return state.messages.flatMap((item) =>
    item.type === "message" && item.role === "assistant" ? [item] : [],
  );
}

describe("the published client library", () => {
  it("exports how a client is made and nothing else", async (t) => {
    const module = await importPublished(await startApp(t));
    assert.deepEqual(Object.keys(module).toSorted(), ["ChatClient", "createChatClient"]);
  });

  it("holds a conversation: connect, send, hear it word by word, and the answer is whole", async (t) => {
    const client = await connect(t, await startApp(t));
    const heard: string[] = [];
    client.on("change", ({ messages }) => {
      const last = messages.at(-1);
      if (last?.type === "message" && last.role === "assistant") heard.push(last.text);
    });
    client.send("When were you born?");
    await until("the reply's end", () => replies(client)[0]?.state === "done");
    const [reply] = replies(client);
    assert.match(reply?.text ?? "", /1815/);
    assert.equal(reply?.source, "offline");
    const steps = new Set(heard);
    assert.ok(steps.size > 3, `heard in ${steps.size} steps`);
    for (const step of steps) assert.ok(reply?.text.startsWith(step), `${step} is no beginning of the reply`);
    assert.deepEqual([client.state.unsent, client.state.run], [[], undefined]);
  });

  it("stops a reply, and what was said stays", async (t) => {
    const client = await connect(t, await startApp(t));
    client.send("What does a litre of diesel cost?");
    await until("the first word", () => (replies(client)[0]?.text ?? "") !== "");
    client.stop();
    await until("the end", () => client.state.run === undefined);
    assert.equal(replies(client)[0]?.state, "stopped");
    assert.notEqual(replies(client)[0]?.text, "");
  });

  it("comes back to the conversation from what it has stored", async (t) => {
    const app = await startApp(t);
    const storage = memory();
    const before = await connect(t, app, storage);
    before.send("When were you born?");
    await until("the reply's end", () => replies(before)[0]?.state === "done");
    before.close();
    const after = await connect(t, app, storage);
    await until("the history", () => replies(after).length === 1);
    assert.equal(replies(after)[0]?.text, replies(before)[0]?.text);
  });
});
