// The life of the circuit breaker before the model, over real HTTP: what callers get, what `GET /api/v1/circuits`, the
// metrics and the log say, what does not open it, what does, and the operator's hand that closes it.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { assertWithin } from "../support/held-up.ts";
import { say } from "../support/provider-chunks.ts";
import type { ProviderReply } from "../support/scriptable-provider.ts";
import { until } from "../support/until.ts";
import { assertCounted, assertLogged, assertUnharmed } from "./accounts-of-runs.ts";
import { markQuestion, playByMark } from "./marked-questions.ts";
import { openProviderScene, type ProviderScene } from "./provider-scene.ts";
import { BEGUN, cut, fromNotes, QUESTION, refused, SPOKEN, spoken } from "./seen-answers.ts";
import { type WatchedRun, watchRun } from "./watched-run.ts";

const ADMIN_TOKEN = "break-glass-key-4711";
const RECOVERY_S = 3;
const ENV = {
  RETRY_MAX_ATTEMPTS: "1",
  CIRCUIT_BREAKER_RECOVERY_TIMEOUT: String(RECOVERY_S),
  ADMIN_TOKEN,
};
/** Long enough that nobody probes before the test is over. */
const SLOW = { ...ENV, CIRCUIT_BREAKER_RECOVERY_TIMEOUT: "600" };
const AWAY: ProviderReply = { status: 503, steps: ["sk-secret"] };
const WELL: ProviderReply = { steps: say.answer(SPOKEN) };
const DYING: ProviderReply = { steps: [say.content(BEGUN), { pauseMs: 30 }], ending: "reset" };
const VALUES = { closed: 0, "half-open": 1, open: 2 } as const;
const FAILURES_TO_OPEN = 5;
/** From memory, without a provider: 60 words a second, on a loaded machine. */
const AT_ONCE_MS = 2_000;

/** The endpoint and the gauge say the same. */
async function assertState(
  scene: ProviderScene,
  expected: keyof typeof VALUES,
  circuit = "llm",
): Promise<void> {
  assert.equal((await scene.circuits())[circuit], expected);
  assert.equal((await scene.scrape()).value("parley_circuit_state", { circuit }), VALUES[expected]);
}

async function ask({ instance }: ProviderScene, count = 1): Promise<WatchedRun[]> {
  const runs: WatchedRun[] = [];
  for (let turn = 0; turn < count; turn += 1) runs.push(await watchRun(instance.socketUrl, QUESTION));
  return runs;
}

function linesOf({ instance }: ProviderScene): readonly number[] {
  const names = ["circuit_breaker_opened", "circuit_breaker_half_open", "circuit_breaker_closed"];
  return names.map((name) => instance.logged(name).filter(({ circuit }) => circuit === "llm").length);
}

describe("the circuit breaker of the model", { concurrency: 2 }, () => {
  it("opens at the 5th failure, spares everybody the wait, lets one call probe, and closes when it speaks", async (t) => {
    const scene = await openProviderScene(t, { env: ENV });
    const { provider, instance } = scene;
    provider.reply(WELL, AWAY);
    const runs = await ask(scene);
    await assertState(scene, "closed");
    runs.push(...(await ask(scene, FAILURES_TO_OPEN - 1)));
    await assertState(scene, "closed");
    runs.push(...(await ask(scene)));
    const openedAt = performance.now();
    await assertState(scene, "open");
    assert.deepEqual(linesOf(scene), [1, 0, 0]);

    const asked = provider.requests.length;
    const spared = await Promise.all(
      Array.from({ length: 10 }, () => watchRun(instance.socketUrl, QUESTION)),
    );
    const lastAskedAt = Math.max(...spared.map(({ askedAt }) => askedAt));
    assert.ok(lastAskedAt - openedAt < RECOVERY_S * 1000, "they came while it was open");
    assert.equal(provider.requests.length, asked, "the provider is left alone");
    for (const { seen } of spared) assert.deepEqual(seen, fromNotes("llm_unavailable"));
    const slowest = Math.max(...spared.map(({ totalMs }) => totalMs));
    t.diagnostic(`open: 10 callers were answered from the persona's text within ${slowest} ms`);
    assertWithin("an answer from the persona's text", slowest, AT_ONCE_MS, openedAt);

    // The probe is held, so that there is a half-open state to be seen.
    const word = Promise.withResolvers<void>();
    const end = Promise.withResolvers<void>();
    provider.reply(
      { steps: [{ until: word.promise }, say.content(SPOKEN), { until: end.promise }, say.STOP, say.DONE] },
      WELL,
    );
    await until("the pause", () => performance.now() - openedAt > RECOVERY_S * 1000 + 100, 10_000);
    const probe = watchRun(instance.socketUrl, QUESTION);
    await until("the probe", () => provider.requests.length === asked + 1);
    await assertState(scene, "half-open");
    const behind = Array.from({ length: 5 }, () => watchRun(instance.socketUrl, QUESTION));
    await until("those behind it", () => instance.logged("websocket_connected").length >= 22);
    assert.equal(provider.requests.length, asked + 1, "one probe");
    word.resolve();
    // They go on at the probe's first word, not at its end.
    const answered = await Promise.all(behind);
    await assertState(scene, "closed");
    end.resolve();
    for (const { seen } of [...answered, await probe]) assert.deepEqual(seen, spoken());
    assert.deepEqual(linesOf(scene), [1, 1, 1]);
    const all = [...runs, ...spared, ...answered, await probe];
    await assertLogged(scene, all);
    await assertCounted(scene, all, 0);
    assertUnharmed(scene);
  });

  it("opens again at a probe that fails, and spares the next ones", async (t) => {
    const scene = await openProviderScene(t, { env: { ...ENV, CIRCUIT_BREAKER_RECOVERY_TIMEOUT: "1" } });
    scene.provider.reply(AWAY);
    await ask(scene, FAILURES_TO_OPEN);
    const asked = scene.provider.requests.length;
    const goesOn = async () => {
      const before = scene.provider.requests.length;
      const [run] = await ask(scene);
      assert.deepEqual(run?.seen, fromNotes("llm_unavailable"));
      return scene.provider.requests.length > before;
    };
    let probes = 0;
    for (let turn = 0; turn < 200 && probes < 2; turn += 1) if (await goesOn()) probes += 1;
    assert.equal(probes, 2);
    assert.equal(scene.provider.requests.length, asked + 2);
    await assertState(scene, "open");
    assert.deepEqual(linesOf(scene), [3, 2, 0]);
  });

  it("open, hands everybody to the fallback model, whose own circuit is not touched", async (t) => {
    const scene = await openProviderScene(t, {
      env: SLOW,
      fallback: () => ({ steps: say.answer("In 1815.") }),
    });
    scene.provider.reply(AWAY);
    await ask(scene, FAILURES_TO_OPEN);
    const asked = scene.provider.requests.length;
    const askedAt = performance.now();
    const runs = await ask(scene, 3);
    for (const { seen, totalMs } of runs) {
      assert.deepEqual(seen, { ...spoken("In 1815."), source: "fallback-model", reason: "llm_unavailable" });
      assertWithin("an answer", totalMs, AT_ONCE_MS, askedAt);
    }
    t.diagnostic(
      `open: the fallback model answered within ${Math.max(...runs.map(({ totalMs }) => totalMs))} ms`,
    );
    assert.equal(scene.provider.requests.length, asked);
    await assertState(scene, "open");
    await assertState(scene, "closed", "fallback-llm");
  });

  it("is not opened by 100 visitors who stop, before the first word or after it", async (t) => {
    const stalling = playByMark([[{ silent: true }], [{ steps: [say.content(BEGUN)], ending: "stall" }]]);
    const scene = await openProviderScene(t, { env: SLOW, model: stalling });
    const { provider, instance } = scene;
    const allAsked = until("all questions", () => provider.requests.length === 100, 15_000);
    const stopped = await Promise.all(
      Array.from({ length: 100 }, (_, index) => {
        const stop = index % 2 === 0 ? allAsked : "at-text";
        return watchRun(instance.socketUrl, markQuestion(QUESTION, index % 2), { stop });
      }),
    );
    for (const [index, { seen }] of stopped.entries())
      assert.deepEqual(seen, index % 2 === 0 ? refused("cancelled") : cut("cancelled"));
    await Promise.all(provider.requests.map(({ left }) => left));
    assert.equal(provider.requests.length, 100);
    await assertState(scene, "closed");
    provider.reply(WELL);
    const [run] = await ask(scene);
    assert.deepEqual(run?.seen, spoken());
    assert.deepEqual(linesOf(scene), [0, 0, 0]);
    t.diagnostic("100 stops: closed, and the provider was left by each");
    await assertLogged(scene, stopped);
  });

  it("is opened by streams of which every second one dies in its midst", async (t) => {
    const scene = await openProviderScene(t, { env: SLOW });
    const { provider } = scene;
    provider.reply(...Array.from({ length: 6 }, () => [WELL, DYING]).flat());
    let runs = 0;
    while ((await scene.circuits()).llm === "closed" && runs < 12) {
      const [run] = await ask(scene);
      assert.deepEqual(run?.seen, runs % 2 === 0 ? spoken() : cut("llm_unavailable"));
      runs += 1;
    }
    t.diagnostic(`every second stream dies in its midst: open after ${runs} replies`);
    assert.equal(runs, 2 * FAILURES_TO_OPEN);
    await assertState(scene, "open");
    const [next] = await ask(scene);
    assert.deepEqual(next?.seen, fromNotes("llm_unavailable"));
  });

  it("is closed by the operator's hand, and by nobody else's", async (t) => {
    const scene = await openProviderScene(t, { env: SLOW });
    const { provider, url } = scene;
    const reset = async (headers: Readonly<Record<string, string>> = {}) =>
      (await fetch(`${url}/api/v1/circuits/llm/reset`, { method: "POST", headers })).status;
    provider.reply(AWAY);
    await ask(scene, FAILURES_TO_OPEN);
    provider.reply(WELL);
    assert.deepEqual([await reset(), await reset({ authorization: "Bearer wrong" })], [401, 401]);
    await assertState(scene, "open");
    assert.equal(await reset({ authorization: `Bearer ${ADMIN_TOKEN}` }), 200);
    await assertState(scene, "closed");
    const [run] = await ask(scene);
    assert.deepEqual(run?.seen, spoken());
    assert.equal(scene.instance.logged("circuit_breaker_reset").length, 1);
    assertUnharmed(scene);
  });
});
