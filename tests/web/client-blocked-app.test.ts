// The client and the real app with a network between them that blocks WebSockets: everything a visitor does works.

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { type ChatClient, createChatClient } from "#app/web/client.ts";
import type { ChatClientOptions } from "#app/web/client-options.ts";
import { type RunningApp, startApp } from "../support/running-app.ts";
import { until } from "../support/until.ts";
import { type BlockingProxy, startBlockingProxy } from "./blocking-proxy.ts";
import { createStorage } from "./client-steps.ts";

interface Scene {
  readonly app: RunningApp;
  readonly proxy: BlockingProxy;
  readonly connect: (options?: Partial<ChatClientOptions>) => ChatClient;
}

async function start(t: TestContext): Promise<Scene> {
  const app = await startApp(t);
  const proxy = await startBlockingProxy(t, app.url);
  return {
    app,
    proxy,
    connect(options = {}) {
      const chat = createChatClient({ host: proxy.url, backoff: { baseMs: 5, capMs: 50 }, ...options });
      t.after(() => chat.close());
      return chat;
    },
  };
}

function replies({ state }: ChatClient) {
  return state.messages.flatMap((item) =>
    item.type === "message" && item.role === "assistant" ? [item] : [],
  );
}

async function ask(chat: ChatClient, question: string): Promise<void> {
  const count = replies(chat).length;
  chat.send(question);
  await until(
    `the answer to ${question}`,
    () => replies(chat)[count]?.state === "done" && chat.state.run === undefined,
  );
}

describe("a conversation where WebSockets are blocked", () => {
  it("is held over an event stream and commands, word by word", async (t) => {
    const { proxy, connect } = await start(t);
    const chat = connect();
    const heard = new Set<string>();
    chat.on("change", () => heard.add(replies(chat).at(-1)?.text ?? ""));
    await ask(chat, "When were you born?");
    assert.match(replies(chat)[0]?.text ?? "", /1815/);
    assert.ok(heard.size > 3, `heard in ${heard.size} steps`);
    assert.deepEqual([chat.state.transport, chat.state.unsent, proxy.upgrades], ["sse", [], 2]);
    assert.equal(chat.state.problem, undefined);
  });

  it("can be stopped, asked again, edited and judged", async (t) => {
    const { connect } = await start(t);
    const chat = connect();
    const id = chat.send("What does a litre of diesel cost?");
    await until("the first word", () => (replies(chat)[0]?.text ?? "") !== "");
    chat.stop();
    await until("the end", () => replies(chat)[0]?.state === "stopped" && chat.state.run === undefined);

    const [stopped] = replies(chat);
    chat.regenerate();
    await until("another answer", () => replies(chat)[0]?.state === "done" && !chat.state.run);
    assert.notEqual(replies(chat)[0]?.id, stopped?.id);

    chat.edit(id, "When were you born?");
    await until("the answer to the edit", () => /1815/.test(replies(chat)[0]?.text ?? "") && !chat.state.run);
    assert.equal(replies(chat).length, 1);

    chat.rate(replies(chat)[0]?.id ?? "", "up");
    await until("the judgement", () => replies(chat)[0]?.feedback?.rating === "up");
    assert.equal(chat.state.problem, undefined);
  });

  it("goes on in mid-reply after the network was away, without a gap or a repeat", async (t) => {
    const { proxy, connect } = await start(t);
    const chat = connect();
    chat.send("When were you born?");
    await until("the first word", () => (replies(chat)[0]?.text ?? "") !== "");
    proxy.cut();
    await until("the end", () => replies(chat)[0]?.state === "done");
    const exported = await chat.exportConversation();
    assert.deepEqual(
      exported.messages.map(({ content }) => content),
      ["When were you born?", replies(chat)[0]?.text],
    );
  });

  it("comes back after a reload, and is the same on a socket", async (t) => {
    const { app, connect } = await start(t);
    const storage = createStorage();
    const before = connect({ storage });
    await ask(before, "When were you born?");
    before.close();
    const blocked = connect({ storage: storage.copy() });
    const free = connect({ storage: storage.copy(), host: app.url });
    for (const chat of [blocked, free]) {
      await until("the history", () => replies(chat).length === 1);
      assert.equal(replies(chat)[0]?.text, replies(before)[0]?.text);
    }
    assert.deepEqual([blocked.state.transport, free.state.transport], ["sse", "websocket"]);

    blocked.setTyping(true);
    await until("somebody types", () => free.state.othersTyping === true);
    assert.notEqual(blocked.state.othersTyping, true, "nobody is told of himself");
    await ask(free, "Who was your mother?");
    await until("the same", () => replies(blocked)[1]?.text === replies(free)[1]?.text);
  });

  it("is erased everywhere: the one who does it begins anew, the other tab is told", async (t) => {
    const { app, connect } = await start(t);
    const storage = createStorage();
    const chat = connect({ storage });
    await ask(chat, "When were you born?");
    const [elsewhere, blocked] = [
      connect({ storage: storage.copy(), host: app.url }),
      connect({ storage: storage.copy() }),
    ];
    for (const other of [elsewhere, blocked]) await until("the history", () => replies(other).length === 1);
    await chat.erase();
    for (const other of [elsewhere, blocked]) {
      await until("the end", () => other.state.erased === true);
      assert.deepEqual([other.state.messages, other.state.link.status], [[], "stopped"]);
    }
    await until("a new one", () => chat.state.joined);
    assert.deepEqual([chat.state.messages, chat.state.ended], [[], undefined]);
    await ask(chat, "When were you born?");
    await ask(blocked, "When were you born?");
  });
});
