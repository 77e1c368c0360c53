// Holds the server's own accounts of its replies, log and metrics, against what their readers saw: the same runs, ends,
// sources and reasons, each told once.

import assert from "node:assert/strict";
import { until } from "../support/until.ts";
import type { ProviderScene } from "./provider-scene.ts";
import type { WatchedRun } from "./watched-run.ts";

/** `run_finished` once a run, with its end; `llm_ladder_step` where the words are not the model's, and only there. */
export async function assertLogged({ instance }: ProviderScene, runs: readonly WatchedRun[]): Promise<void> {
  await until("the lines of all runs", () => instance.logged("run_finished").length >= runs.length);
  for (const { conversationId, seen } of runs) {
    const of = (event: string) =>
      instance.logged(event).filter((line) => line.conversationId === conversationId);
    const ends = of("run_finished");
    assert.equal(ends.length, 1, "one line a run");
    const isError = seen.outcome !== "success" && seen.outcome !== "cancelled";
    assert.partialDeepStrictEqual(ends[0], {
      outcome: isError ? "error" : seen.outcome,
      ...(seen.source !== undefined && { source: seen.source }),
      ...(isError && { code: seen.outcome }),
    });
    // Without a word nobody can see who refused: the log alone knows.
    if (seen.text === "") continue;
    const steps = of("llm_ladder_step").map(({ to, code }) => [to, code]);
    assert.deepEqual(steps.at(-1), seen.reason === undefined ? undefined : [seen.source, seen.reason]);
  }
}

/** The counters hold what the readers saw, and nothing else. @param retries where the test knows how many */
export async function assertCounted(
  scene: ProviderScene,
  runs: readonly WatchedRun[],
  retries = scene.instance.logged("llm_call_retry").length,
): Promise<void> {
  const { instance } = scene;
  const metrics = await scene.scrape();
  const sumOf = (name: string): number => metrics.of(name).reduce((sum, { value }) => sum + value, 0);
  for (const [key, { length }] of Map.groupBy(runs, labelsOf)) {
    const [outcome = "", source = ""] = key.split(" ");
    assert.equal(metrics.value("parley_runs_total", { outcome, source }), length, `runs: ${key}`);
  }
  assert.equal(sumOf("parley_runs_total"), runs.length, "no run that nobody saw");
  const reasons = Map.groupBy(
    instance.logged("llm_ladder_step"),
    ({ to, code }) => `${String(to)} ${String(code)}`,
  );
  for (const [key, { length }] of reasons) {
    const [source = "", reason = ""] = key.split(" ");
    assert.equal(metrics.value("parley_ladder_steps_total", { source, reason }), length, `steps: ${key}`);
  }
  assert.equal(sumOf("parley_ladder_steps_total"), instance.logged("llm_ladder_step").length);
  assert.equal(instance.logged("llm_call_retry").length, retries);
  assert.equal(sumOf("parley_retries_total"), retries);
  const spoken = runs.filter(({ seen }) => seen.text !== "").length;
  assert.equal(sumOf("parley_run_first_token_seconds_count"), spoken);
  assert.equal(sumOf("parley_running_runs"), 0);
}

/** Nothing was thrown where nobody catches it, nothing that a run started is left, and no secret was logged. */
export function assertUnharmed({ instance }: Pick<ProviderScene, "instance">): void {
  assert.ok(instance.isAlive);
  assert.equal(instance.errors, "");
  for (const event of ["uncaught_exception", "run_queue_failed", "frame_failed", "connection_handler_failed"])
    assert.deepEqual(instance.logged(event), []);
}

function labelsOf({ seen: { outcome, source = "none" } }: WatchedRun): string {
  return `${outcome === "success" || outcome === "cancelled" ? outcome : "error"} ${source}`;
}
