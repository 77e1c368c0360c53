// Alerts: how often they are told, that nobody waits for them, and that a dead way out opens its own circuit only.

import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { type AlertChannel, Alerts, type AlertsOptions } from "#app/core/alerts.ts";
import { createCircuits } from "#app/core/circuits.ts";
import { parseConfig } from "#app/core/config.ts";
import { createWebhookChannel } from "#app/core/webhook.ts";
import { createRecordingLogger } from "../support/recording-logger.ts";
import { until } from "../support/until.ts";
import { startWebhookReceiver } from "../support/webhook-receiver.ts";

const MINUTE_MS = 60_000;
const TEXT = { visitors: "They wait.", command: "df -h ." };

function createAlerts(t: TestContext, channels: readonly AlertChannel[], more: Partial<AlertsOptions> = {}) {
  const clock = { nowMs: 0 };
  const logger = createRecordingLogger();
  const alerts = new Alerts({
    channels,
    textOf: () => TEXT,
    retry: { maxAttempts: 1, waitMinMs: 1, waitMaxMs: 1 },
    logger,
    now: () => clock.nowMs,
    ...more,
  });
  t.after(() => alerts.close());
  return { alerts, clock, logger };
}

/** The circuit of mail opens at the third failure. */
function mailCircuits(t: TestContext) {
  const settings = parseConfig({ MAIL_CIRCUIT_BREAKER_FAILURE_THRESHOLD: "3" }).circuits;
  const circuits = createCircuits({ settings, logger: createRecordingLogger() });
  t.after(() => circuits.close());
  return circuits;
}

/** A way out that keeps what it is given. */
function keeping() {
  const told: string[] = [];
  const channel: AlertChannel = {
    name: "kept",
    async send({ event, check }) {
      told.push(`${event} ${check}`);
    },
  };
  return { told, channel };
}

describe("alerts", () => {
  test("tell a check once, its recovery once, and the next alarm not before 15 minutes are over", async (t) => {
    const { told, channel } = keeping();
    const { alerts, clock } = createAlerts(t, [channel]);
    alerts.degraded("disk", "full");
    alerts.degraded("disk", "full");
    alerts.recovered("disk", "fine");
    alerts.recovered("disk", "fine");
    clock.nowMs = 14 * MINUTE_MS;
    alerts.degraded("disk", "full");
    alerts.recovered("disk", "fine");
    assert.deepEqual(told, ["health_degraded disk", "health_recovered disk"]);
    alerts.degraded("disk", "full");
    clock.nowMs = 15 * MINUTE_MS;
    alerts.degraded("disk", "full");
    assert.deepEqual(told.slice(2), ["health_degraded disk"]);
  });

  test("keep checks apart, and say nothing of the recovery of what was never told", async (t) => {
    const { told, channel } = keeping();
    const { alerts } = createAlerts(t, [channel]);
    alerts.recovered("memory", "fine");
    alerts.degraded("disk", "full");
    alerts.degraded("memory", "full");
    assert.deepEqual(told, ["health_degraded disk", "health_degraded memory"]);
  });

  test("post JSON to the webhook: what is bad, what visitors notice, and the one command", async (t) => {
    await using hook = await startWebhookReceiver();
    const { alerts, logger } = createAlerts(t, [createWebhookChannel(hook.url)]);
    alerts.degraded("disk", "10 MiB free");
    await until("it is sent", () => logger.named("alert_sent").length === 1);
    const [post] = hook.posts;
    assert.deepEqual([post?.method, post?.headers["content-type"]], ["POST", "application/json"]);
    assert.partialDeepStrictEqual(post?.body, {
      event: "health_degraded",
      check: "disk",
      finding: "10 MiB free",
      ...TEXT,
      text: "Parley: disk is bad: 10 MiB free. Visitors: They wait. Look: df -h .",
    });
  });

  for (const [what, status] of [
    ["refuses", 500],
    ["redirects", 302],
  ] as const) {
    test(`are a line in the log when the webhook ${what}, without its address`, async (t) => {
      await using hook = await startWebhookReceiver();
      hook.status = status;
      const { alerts, logger } = createAlerts(t, [createWebhookChannel(hook.url)]);
      alerts.degraded("disk", "full");
      await until("it is given up", () => logger.named("alert_failed").length === 1);
      assert.deepEqual(
        hook.posts.map(({ url }) => url.split("?")[0]),
        ["/hook"],
      );
      assert.doesNotMatch(JSON.stringify(logger.lines), new RegExp(hook.secret));
    });
  }

  test("give up on a webhook that never answers, and make nobody wait for it", async (t) => {
    await using hook = await startWebhookReceiver();
    hook.status = 0;
    const { alerts, logger } = createAlerts(t, [createWebhookChannel(hook.url)], { timeoutMs: 50 });
    alerts.degraded("disk", "full");
    assert.equal(logger.lines.length, 0);
    await until("it is given up", () => logger.named("alert_failed").length === 1);
    assert.equal(logger.named("alert_failed")[0]?.fields.reason, "CallTimeoutError");
  });

  test("reach one way out when the other is dead", async (t) => {
    const { told, channel } = keeping();
    const dead: AlertChannel = { name: "dead", send: () => Promise.reject(new Error("gone")) };
    const { alerts, logger } = createAlerts(t, [dead, channel]);
    alerts.degraded("disk", "full");
    await until("both are done", () => logger.named("alert_failed").length === 1 && told.length === 1);
  });

  test("try again as the settings of mail say", async (t) => {
    let attempts = 0;
    const shaky: AlertChannel = {
      name: "shaky",
      async send() {
        attempts += 1;
        if (attempts < 3) throw new Error("not yet");
      },
    };
    const retry = { maxAttempts: 3, waitMinMs: 1, waitMaxMs: 2 };
    const breaker = mailCircuits(t).get("mail");
    const { alerts, logger } = createAlerts(t, [{ ...shaky, breaker }], { retry });
    alerts.degraded("disk", "full");
    await until("it is sent", () => logger.named("alert_sent").length === 1);
    assert.equal(attempts, 3);
    assert.partialDeepStrictEqual(
      logger.named("alert_retry").map(({ fields }) => fields),
      [
        { circuit: "mail", attempt: 1 },
        { circuit: "mail", attempt: 2 },
      ],
    );
  });

  test("open the circuit of a way out that is dead, which is not called then, and leave the others open", async (t) => {
    const circuits = mailCircuits(t);
    let calls = 0;
    const dead: AlertChannel = {
      name: "dead",
      breaker: circuits.get("mail"),
      send() {
        calls += 1;
        return Promise.reject(new Error("gone"));
      },
    };
    const { told, channel } = keeping();
    const { alerts, logger } = createAlerts(t, [dead, channel]);
    for (const check of ["a", "b", "c"]) alerts.degraded(check, "bad");
    await until("all have failed", () => logger.named("alert_failed").length === 3);
    assert.equal(circuits.get("mail").state, "open");
    alerts.degraded("d", "bad");
    await until("it is dropped", () => logger.named("alert_failed").length === 4);
    assert.equal(calls, 3);
    await until("the other took all", () => told.length === 4);
  });

  test("that are under way end when the process stops", async (t) => {
    await using hook = await startWebhookReceiver();
    hook.status = 0;
    const { alerts, logger } = createAlerts(t, [createWebhookChannel(hook.url)]);
    alerts.degraded("disk", "full");
    await until("it is under way", () => hook.posts.length === 1);
    await alerts.close();
    assert.equal(logger.named("alert_failed").length, 1);
  });
});
