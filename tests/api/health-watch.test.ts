// The self-watch in the running app: alarms by webhook and mail, newcomers refused and let in again, real sockets.

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import type { HealthCheck } from "#app/core/self-watch.ts";
import { Talk } from "../support/conversation.ts";
import { startMailServer, startSilentServer } from "../support/mail-server.ts";
import { createPacedScript } from "../support/paced-model.ts";
import { RedisServer } from "../support/redis-server.ts";
import type { RunningApp } from "../support/running-app.ts";
import { createScriptedModel } from "../support/scripted-model.ts";
import { openRefused } from "../support/socket-client.ts";
import { until } from "../support/until.ts";
import { startWebhookReceiver } from "../support/webhook-receiver.ts";
import { ask, startWithAdmin } from "./administration.ts";

/** A check that a test makes bad and good again. */
function switched(name: string): HealthCheck & { isBad: boolean } {
  const check = {
    name,
    isBad: true,
    read: () => ({ isBad: check.isBad, finding: check.isBad ? "99 of 100 MiB" : "50 of 100 MiB" }),
  };
  return check;
}

const QUICKLY = { HEALTH_CHECK_INTERVAL: "0.05" };
const socketOf = (app: RunningApp) => `ws://127.0.0.1:${app.port}/api/v1/chat/ws`;

async function say(app: RunningApp): Promise<Response> {
  return await fetch(`${app.url}/api/v1/chat`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ message: "hello" }),
  });
}

function alarmed(app: RunningApp, count = 1): Promise<void> {
  return until("the alarm", () => app.log.named("health_degraded").length === count);
}

describe("an alarm", () => {
  it("is a line in the log, a metric, a webhook and a mail; so is its end, once each", async (t: TestContext) => {
    await using hook = await startWebhookReceiver();
    const login = { user: "parley", password: "m4il-p4ssw0rd" };
    await using mail = await startMailServer({ login });
    const disk = switched("disk");
    const app = await startWithAdmin(
      t,
      { healthChecks: [disk] },
      {
        ...QUICKLY,
        ALERT_WEBHOOK_URL: hook.url,
        SMTP_URL: `smtp://${login.user}:${login.password}@127.0.0.1:${mail.port}`,
        ALERT_MAIL_TO: "ada@example.org",
        MAIL_FROM: "parley@example.org",
      },
    );
    await until("both are told", () => app.log.named("alert_sent").length === 2);
    assert.partialDeepStrictEqual(hook.posts[0]?.body, {
      event: "health_degraded",
      check: "disk",
      finding: "99 of 100 MiB",
      visitors: "Nothing yet.",
      command: "df -h .",
    });
    assert.deepEqual([mail.mails[0]?.from, mail.mails[0]?.to], ["parley@example.org", ["ada@example.org"]]);
    assert.match(mail.mails[0]?.source ?? "", /^Subject: Parley: disk is bad\r$/m);
    assert.match(mail.mails[0]?.source ?? "", /Look: df -h \./);
    assert.match(
      await (await fetch(`${app.url}/metrics`)).text(),
      /^parley_health_degraded_total\{check="disk"\} 1$/m,
    );
    assert.deepEqual((await ask(app, "/health/status")).body.status, "degraded");

    disk.isBad = false;
    await until("both hear of its end", () => app.log.named("alert_sent").length === 4);
    assert.deepEqual(
      hook.posts.map(({ body }) => body.event),
      ["health_degraded", "health_recovered"],
    );
    assert.match(mail.mails[1]?.source ?? "", /^Subject: Parley: disk is well again\r$/m);
    assert.equal(app.log.named("health_recovered").length, 1);
    assert.deepEqual((await ask(app, "/health/status")).body.status, "ok");

    disk.isBad = true;
    await alarmed(app, 2);
    disk.isBad = false;
    await until("its second end", () => app.log.named("health_recovered").length === 2);
    assert.deepEqual([hook.posts.length, mail.mails.length], [2, 2]);
    const lines = JSON.stringify(app.log.lines);
    assert.doesNotMatch(lines, new RegExp(`${hook.secret}|${login.password}`));
  });

  it("that nobody takes holds up nothing: visitors are answered, and the app stops", async (t) => {
    await using hook = await startWebhookReceiver();
    await using silent = await startSilentServer();
    hook.status = 0;
    const app = await startWithAdmin(
      t,
      { healthChecks: [switched("disk")] },
      {
        ...QUICKLY,
        ALERT_WEBHOOK_URL: hook.url,
        SMTP_URL: `smtp://127.0.0.1:${silent.port}`,
        ALERT_MAIL_TO: "ada@example.org",
        MAIL_FROM: "parley@example.org",
      },
    );
    await until("both are being told", () => hook.posts.length === 1 && silent.open() === 1);
    assert.equal((await say(app)).status, 200);
    await app.close();
    assert.equal(app.log.named("alert_failed").length, 2);
  });

  it("is raised by a storage that is away, and taken back when it is there", async (t) => {
    await using redis = await RedisServer.start();
    const app = await startWithAdmin(t, {}, { ...QUICKLY, REDIS_URL: redis.url });
    await redis.kill();
    const ofStorage = (event: string) =>
      app.log.named(event).filter(({ fields }) => fields.check === "storage").length;
    await until("the alarm", () => ofStorage("health_degraded") === 1, 15_000);
    await redis.restart();
    await until("the end of it", () => ofStorage("health_recovered") === 1, 15_000);
  });
});

describe("an instance that is bad in itself", () => {
  for (const name of ["memory", "event_loop_lag"])
    it(`(${name}) refuses newcomers with Retry-After, goes on with who is there, and lets in again`, async (t) => {
      const check = switched(name);
      check.isBad = false;
      const model = createScriptedModel();
      const app = await startWithAdmin(t, { model, healthChecks: [check] }, QUICKLY);
      const script = createPacedScript("before ", "after");
      model.script(...script.steps);
      const talk = new Talk(await app.connect());
      const { runId } = await talk.say("speak");
      await talk.heard("before ");
      check.isBad = true;
      await alarmed(app);

      const refusal = await openRefused(socketOf(app));
      assert.equal(refusal.status, 503);
      assert.match(refusal.body, /"overloaded"/);
      const seconds = Number(refusal.headers["retry-after"]);
      assert.ok(seconds >= 10 && seconds <= 20, `${seconds} s`);
      const refused = await say(app);
      assert.equal(refused.status, 503);
      assert.ok(Number(refused.headers.get("retry-after")) >= 10);
      const status = await ask(app, "/health/status", { authorization: null });
      assert.deepEqual([status.status, status.body.status], [503, "full"]);
      assert.deepEqual((await fetch(`${app.url}/health/ready`)).status, 503);
      assert.deepEqual((await fetch(`${app.url}/health`)).status, 200);
      assert.deepEqual((await ask(app, "/health/detailed")).body.shedding, [name]);

      script.finish();
      assert.equal((await talk.run(runId)).text, "before after");
      assert.equal((await talk.ask("still there?")).text, "ok");

      check.isBad = false;
      await until("it is over", () => app.log.named("health_recovered").length === 1);
      assert.equal((await new Talk(await app.connect()).ask("hello")).text, "ok");
      assert.equal((await say(app)).status, 200);
      assert.equal((await fetch(`${app.url}/health/ready`)).status, 200);
    });
});

describe("an instance whose memory is bad", () => {
  it("gives the memory of its indexes back, once, and builds them again when they are needed", async (t) => {
    const memory = switched("memory");
    memory.isBad = false;
    const app = await startWithAdmin(t, { healthChecks: [memory] }, QUICKLY);
    const built = async () => Object((await ask(app, "/health/detailed")).body.caches).knowledgeIndexes.built;
    while ((await built()) < 3);
    const talk = new Talk(await app.connect());
    memory.isBad = true;
    await alarmed(app);
    assert.equal(await built(), 0);
    assert.equal((await talk.ask("When were they published?")).outcome, "success");
    assert.equal(await built(), 1);
  });

  it("of what visitors said it deletes nothing", async (t) => {
    const memory = switched("memory");
    memory.isBad = false;
    const app = await startWithAdmin(t, { healthChecks: [memory] }, QUICKLY);
    const talk = new Talk(await app.connect());
    await talk.ask("remember this");
    memory.isBad = true;
    await alarmed(app);
    talk.client.send({ type: "history" });
    assert.match(JSON.stringify(await talk.custom("history")), /remember this/);
  });
});

describe("an instance", () => {
  it("is full, and not ready, when it holds all the connections it may", async (t) => {
    const app = await startWithAdmin(t, {}, { WS_MAX_CONNECTIONS: "1" });
    const client = await app.connect();
    assert.deepEqual((await ask(app, "/health/status")).body.status, "full");
    await client.close();
    await until("it is gone", () => app.log.named("websocket_disconnected").length === 1);
    assert.deepEqual((await ask(app, "/health/status")).status, 200);
  });
});
