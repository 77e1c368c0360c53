// deploy/nginx.conf in a real nginx before two real instances with one real Redis: the page, a conversation, whose
// address counts, and a server that is stopped in mid-conversation.

import assert from "node:assert/strict";
import { after, before, describe, it, type TestContext } from "node:test";
import { createChatClient } from "#app/web/client.ts";
import { type ServerProcess, startInstance } from "../../deploy/demo/server-process.ts";
import { type SlowModel, startSlowModel } from "../../deploy/demo/slow-model.ts";
import { Talk } from "../support/conversation.ts";
import { RedisServer } from "../support/redis-server.ts";
import { openRefused, openSocket } from "../support/socket-client.ts";
import { until } from "../support/until.ts";
import { assertWireInvariants } from "../support/wire-invariants.ts";
import { ask, type Nginx, startNginx } from "./nginx.ts";

const CHAT = "/api/v1/chat/ws";
const WORDS = Array.from({ length: 120 }, (_, index) => `word${index}`).join(" ");
const PLENTY = { MESSAGES_PER_MINUTE: "10000", MESSAGES_PER_MINUTE_PER_CONNECTION: "10000" };

let redis: RedisServer;
let model: SlowModel;

before(async () => {
  redis = await RedisServer.start();
  model = await startSlowModel({ text: WORDS, wordsPerSecond: 60 });
});
after(async () => {
  await model[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

interface Fleet {
  readonly nginx: Nginx;
  readonly instances: readonly [ServerProcess, ServerProcess];
}

/** Two instances behind nginx, which they trust. */
async function startFleet(t: TestContext, env: Record<string, string> = {}): Promise<Fleet> {
  // Allowances are counted in Redis: those of the test before are not this one's.
  await redis.command("FLUSHALL");
  const settings = {
    ENVIRONMENT: "test",
    REDIS_URL: redis.url,
    TRUSTED_PROXIES: "127.0.0.1",
    LLM_PROVIDER: "openai",
    OPENAI_BASE_URL: model.baseUrl,
    OPENAI_MODEL: "slow",
    ...PLENTY,
    ...env,
  };
  const start = async (name: string) => {
    const instance = await startInstance(name, settings);
    t.after(() => instance.end("SIGKILL"));
    return instance;
  };
  const instances = await Promise.all([start("A"), start("B")]);
  return { nginx: await startNginx(t, [instances[0].port, instances[1].port]), instances };
}

describe("nginx before two instances", () => {
  it("serves the page, and a conversation that goes on whichever instance a visitor lands on", async (t) => {
    const { nginx, instances } = await startFleet(t);
    const page = await ask(nginx.port, "/");
    assert.equal(page.status, 200);
    assert.match(page.body, /<!doctype html>/i);
    assert.match(String(page.headers["content-security-policy"]), /default-src 'none'/);

    // What a browser sends from that page; the check of the Origin needs the port that it was asked under.
    const origin = `http://127.0.0.1:${nginx.port}`;
    const open = async () => new Talk(await openSocket(`ws://127.0.0.1:${nginx.port}${CHAT}`, { origin }));
    const [first, second] = [await open(), await open()];
    const { conversationId, resumeToken } = await first.join();
    await second.join({ conversationId, resumeToken });
    for (const { port } of instances) {
      const { connections } = JSON.parse((await ask(port, "/health")).body);
      assert.equal(connections, 1, "one connection on each instance");
    }
    const { runId } = await first.say("What does the mill do?");
    const [seen, alsoSeen] = await Promise.all([first.run(runId), second.run(runId)]);
    assert.equal(seen.text, WORDS);
    assert.deepEqual(alsoSeen.frames, seen.frames);
    for (const { client } of [first, second]) {
      assertWireInvariants(client.frames);
      await client.close();
    }
    assert.equal(await nginx.errors(), "");
  });

  it("passes on server-sent events as they come", async (t) => {
    const { nginx } = await startFleet(t);
    const response = await fetch(`http://127.0.0.1:${nginx.port}/api/v1/chat`, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "text/event-stream" },
      body: JSON.stringify({ message: "What does the mill do?" }),
    });
    assert.equal(response.headers.get("content-type")?.split(";")[0], "text/event-stream");
    const arrivals: number[] = [];
    for await (const _ of response.body ?? []) arrivals.push(performance.now());
    // 120 words at 60 a second take 2 s; in one piece they would come in one moment.
    const spreadMs = (arrivals.at(-1) ?? 0) - (arrivals[0] ?? 0);
    assert.ok(arrivals.length > 20 && spreadMs > 1_000, `${arrivals.length} pieces in ${spreadMs} ms`);
  });

  it("lets each visitor's own address count, and not what a visitor writes into X-Forwarded-For", async (t) => {
    const { nginx } = await startFleet(t, { MESSAGES_PER_MINUTE: "2", LLM_PROVIDER: "offline" });
    const statusOf = async (from: string, forged?: string) => {
      const headers: Record<string, string> = forged === undefined ? {} : { "x-forwarded-for": forged };
      const body = { message: "When were you born?" };
      return (await ask(nginx.port, "/api/v1/chat", { from, headers, body })).status;
    };
    assert.deepEqual([await statusOf("127.0.0.2"), await statusOf("127.0.0.2")], [200, 200]);
    assert.equal(await statusOf("127.0.0.2"), 429);
    assert.equal(await statusOf("127.0.0.2", "203.0.113.9"), 429, "a forged address is not believed");
    assert.equal(await statusOf("127.0.0.3"), 200, "another visitor has an allowance of its own");
  });

  it("counts every visitor as one where the proxy is not named as trusted", async (t) => {
    const { nginx } = await startFleet(t, {
      TRUSTED_PROXIES: "",
      MESSAGES_PER_MINUTE: "2",
      LLM_PROVIDER: "offline",
    });
    const statuses: unknown[] = [];
    for (const from of ["127.0.0.4", "127.0.0.5", "127.0.0.6"]) {
      const body = { message: "When were you born?" };
      statuses.push((await ask(nginx.port, "/api/v1/chat", { from, body })).status);
    }
    assert.deepEqual(statuses, [200, 200, 429]);
  });

  it("loses nothing of a conversation whose instance is stopped: the client library goes on by the other", async (t) => {
    const { nginx, instances } = await startFleet(t);
    const client = createChatClient({ url: `ws://127.0.0.1:${nginx.port}${CHAT}` });
    t.after(() => client.close());
    const said = () => client.state.messages.flatMap((item) => (item.type === "message" ? [item] : []));
    const replies = () => said().filter(({ role }) => role === "assistant");
    client.send("What does the mill do?");
    await until("the first words", () => (replies()[0]?.text ?? "").includes("word9"));
    const [producer, other] = await byConnections(instances);

    const stopped = producer.end("SIGTERM");
    client.send("And the store?");
    await until("the first reply", () => replies()[0]?.state === "done", 20_000);
    await until("the second reply", () => replies()[1]?.state === "done", 40_000);
    assert.equal(await stopped, 0);
    assert.deepEqual(
      said().map(({ role, text: shown }) => `${role}: ${shown}`),
      ["user: What does the mill do?", `assistant: ${WORDS}`, "user: And the store?", `assistant: ${WORDS}`],
    );
    assert.deepEqual([client.state.unsent, client.state.past], [[], []]);
    await until("back on the other instance", () => client.state.joined);
    client.send("And the cards?");
    await until("the third reply", () => replies()[2]?.state === "done", 20_000);
    assert.equal(replies()[2]?.text, WORDS);
    assert.equal(JSON.parse((await ask(other.port, "/health")).body).connections, 1);
  });

  it("says 502 and holds nobody where both instances are gone, and refuses what is too large itself", async (t) => {
    const { nginx, instances } = await startFleet(t, { LLM_PROVIDER: "offline" });
    const large = await ask(nginx.port, "/api/v1/chat", { body: { message: "x".repeat(70_000) } });
    assert.equal(large.status, 413);
    await Promise.all(instances.map((instance) => instance.end("SIGKILL")));
    assert.equal((await openRefused(`ws://127.0.0.1:${nginx.port}${CHAT}`)).status, 502);
    assert.equal((await ask(nginx.port, "/health")).status, 502);
  });
});

/** The instance that holds the one connection, and the other one. */
async function byConnections([a, b]: Fleet["instances"]): Promise<Fleet["instances"]> {
  const { connections } = JSON.parse((await ask(a.port, "/health")).body);
  return connections === 1 ? [a, b] : [b, a];
}
