// What the metrics say of a Redis that is lost, while it is and once it is back, fault by fault. In a file of its own: a
// scrape asks Redis too, which in the midst of the other drills would be one more question than a visitor's.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { heldUpMs } from "../support/held-up.ts";
import { parseMetrics } from "../support/metrics-text.ts";
import { FAULTS } from "./redis-proxy-faults.ts";
import { openProxyScene, type ProxyScene } from "./redis-proxy-scene.ts";

/** As `parley_circuit_state` writes it. */
const [CLOSED, OPEN] = [0, 2];

async function scrape({ app }: ProxyScene) {
  const scraped = parseMetrics(await (await fetch(`${app.url}/metrics`)).text());
  return {
    memory: scraped.value("parley_storage_mode", { mode: "memory" }),
    redis: scraped.value("parley_storage_mode", { mode: "redis" }),
    circuit: scraped.value("parley_circuit_state", { circuit: "redis" }),
  };
}

/** At once; a machine that is held up may lose its Redis, and find it, once more. */
async function shows(
  scene: ProxyScene,
  since: number,
  expected: Awaited<ReturnType<typeof scrape>>,
): Promise<void> {
  let shown = await scrape(scene);
  for (let look = 0; look < 50 && heldUpMs(since) > 0 && !isDeepStrictEqual(shown, expected); look += 1) {
    await pause(100);
    shown = await scrape(scene);
  }
  assert.deepEqual(shown, expected);
}

describe("the metrics of a Redis that is lost", { concurrency: 2 }, () => {
  for (const fault of FAULTS)
    it(`name memory while it is ${fault.name}, and Redis afterwards`, async (test) => {
      const scene = await openProxyScene(test);
      assert.deepEqual(await scrape(scene), { memory: 0, redis: 1, circuit: CLOSED });
      const at = performance.now();
      await fault.begin(scene);
      // Who is asked for a write finds out what a probe alone would not.
      await scene.visit({});
      await scene.logs("storage_degraded", at);
      const circuit = fault.opensCircuit ? OPEN : CLOSED;
      await shows(scene, at, { memory: 1, redis: 0, circuit });
      await fault.end(scene);
      await scene.logs("storage_recovered", at);
      await shows(scene, at, { memory: 0, redis: 1, circuit: CLOSED });
    });
});
