// What health hears from the log's lines.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Activity } from "#app/services/health/activity.ts";

const RUN = {
  outcome: "success",
  queuedMs: 1,
  firstTokenMs: 40,
  totalMs: 900,
  runId: "run-1",
  source: "model",
};
const USAGE = { model: "m", inputTokens: 30, outputTokens: 12 };

describe("activity", () => {
  test("takes runs from their one line: how they ended, how long they took, what they cost", () => {
    const activity = new Activity({ retentionMinutes: 5 });
    activity.hear("run_finished", { ...RUN, usage: USAGE });
    activity.hear("run_finished", { ...RUN, outcome: "cancelled", firstTokenMs: null, usage: undefined });
    activity.hear("run_finished", {
      ...RUN,
      outcome: "error",
      code: "llm_timeout",
      err: new Error("secret"),
    });
    const [minute] = activity.history.list();
    assert.partialDeepStrictEqual(minute, { runs: 3, failedRuns: 1, errors: 1, tokens: 42 });
    assert.deepEqual(activity.firstToken.percentiles(), { count: 2, p50: 40, p95: 40, p99: 40 });
    assert.equal(activity.total.percentiles().count, 3);
    assert.partialDeepStrictEqual(activity.errors.list(), [
      { code: "llm_timeout", category: "external_service", route: "run", requestId: "run-1" },
    ]);
    assert.doesNotMatch(JSON.stringify(activity.errors.list()), /secret/);
  });

  test("takes errors of requests, frames and upgrades, with their route", () => {
    const activity = new Activity({ retentionMinutes: 5 });
    const fields = { code: "internal_error", requestId: "q" };
    activity.hear("request_failed", { ...fields, route: "/api/v1/chat", err: new Error("secret") });
    activity.hear("frame_refused", { code: "storage_unavailable", requestId: "f" });
    activity.hear("websocket_refused", fields);
    assert.deepEqual(
      activity.errors.list().map(({ code, route, requestId }) => [code, route, requestId]),
      [
        ["internal_error", "websocket", "q"],
        ["storage_unavailable", "websocket", "f"],
        ["internal_error", "/api/v1/chat", "q"],
      ],
    );
  });

  test("hears nothing in visitors' mistakes, in other lines and in lines of another form", () => {
    const activity = new Activity({ retentionMinutes: 5 });
    activity.hear("request_refused", { code: "invalid_json", requestId: "q" });
    activity.hear("run_finished", { outcome: "success", firstTokenMs: "soon" });
    activity.hear("toString", { code: "internal_error" });
    activity.hear("llm_call_retry", { code: "llm_timeout" });
    assert.deepEqual(activity.errors.list(), []);
    assert.partialDeepStrictEqual(activity.history.list(), [{ runs: 0, errors: 0 }]);
  });

  test("sees the peak of connections when one opens", () => {
    const activity = new Activity({ retentionMinutes: 5 });
    let open = 4;
    activity.readConnectionsFrom(() => open);
    activity.hear("websocket_connected", { open });
    open = 1;
    assert.equal(activity.history.list().at(-1)?.connectionsPeak, 4);
  });
});
