// Every fault of a provider, as a visitor meets it: the real server in a process of its own, with the deadlines and the
// retries it is shipped with, a scripted provider, and a TCP proxy between the two. Prints the table: fault, what the
// reader saw, after how long.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { assertWithin } from "../support/held-up.ts";
import { say } from "../support/provider-chunks.ts";
import type { ProviderReply } from "../support/scriptable-provider.ts";
import { assertCounted, assertLogged, assertUnharmed } from "./accounts-of-runs.ts";
import { markOf, markQuestion, playByMark } from "./marked-questions.ts";
import { PROVIDER_CASES, type ProviderCase } from "./provider-repertoire.ts";
import { openProviderScene, type ProviderScene } from "./provider-scene.ts";
import { BEGUN, cut, fromNotes, QUESTION, refused, spoken } from "./seen-answers.ts";
import { describeRun, type SeenAnswer, type WatchedRun, watchRun } from "./watched-run.ts";

/** All the faults at a time shall not open a breaker: those have tests of their own. */
const WIDE = { CIRCUIT_BREAKER_FAILURE_THRESHOLD: "1000" };
/** Beside a deadline, for a loaded machine. */
const SLACK_S = 6;

/** Seconds, from and to. */
type Span = ProviderCase["withinS"];

function assertCase({ provider }: ProviderScene, each: ProviderCase, run: WatchedRun, mark: number): void {
  assert.deepEqual(run.seen, each.seen);
  const asked = provider.requests.filter((request) => markOf(request) === mark).length;
  const most = each.mayBeResent ? 2 * each.attempts : each.attempts;
  assert.ok(asked >= each.attempts && asked <= most, `asked ${asked} times`);
  assertInTime(run, each.withinS);
}

function assertInTime({ totalMs, askedAt }: WatchedRun, [from, to]: Span): void {
  assert.ok(totalMs >= from * 1000, `after ${totalMs} ms, not ${from} to ${to} s`);
  assertWithin("the end", totalMs, to * 1000, askedAt);
}

describe("a provider's faults", { concurrency: true }, () => {
  it("cost a visitor 20 s to the first word at most, 30 s within an answer, and are never hidden", async (t) => {
    const model = playByMark(PROVIDER_CASES.map(({ replies }) => replies));
    const scene = await openProviderScene(t, { model, env: WIDE });
    const { socketUrl } = scene.instance;
    const runs = await Promise.all(
      PROVIDER_CASES.map((_, mark) => watchRun(socketUrl, markQuestion(QUESTION, mark))),
    );
    for (const [mark, run] of runs.entries())
      t.diagnostic(`${PROVIDER_CASES[mark]?.fault} -> ${describeRun(run)}`);
    await assertLogged(scene, runs);
    for (const [mark, each] of PROVIDER_CASES.entries()) {
      const run = runs[mark];
      await t.test(each.fault, () => assertCase(scene, each, run ?? assert.fail("no run"), mark));
    }
    const retries = PROVIDER_CASES.reduce((sum, { attempts }) => sum + attempts - 1, 0);
    await assertCounted(scene, runs, retries);
    assertUnharmed(scene);
  });

  it("of its network are no worse: refused, slow, in slices, narrow, cut, silent; all is well when they end", async (t) => {
    const scene = await openProviderScene(t, { env: WIDE });
    const { provider, proxy, instance } = scene;
    const runs: WatchedRun[] = [];
    type Expected = SeenAnswer | ((text: string) => SeenAnswer);
    const row = async (fault: string, expected: Expected, withinS: Span, onText?: () => void) => {
      const run = await watchRun(instance.socketUrl, QUESTION, onText && { onText });
      runs.push(run);
      t.diagnostic(`network: ${fault} -> ${describeRun(run)}`);
      await t.test(`network: ${fault}`, () => {
        assert.deepEqual(run.seen, typeof expected === "function" ? expected(run.seen.text) : expected);
        assertInTime(run, withinS);
      });
    };
    const words = Array.from({ length: 60 }, (_, index) => `wörd-${index} 😀 `);
    const whole = spoken(words.join(""));
    provider.reply({ steps: say.answer(...words) });
    await row("none", whole, [0, 5]);
    proxy.slice(1);
    await row("slices of one byte", whole, [0, 15]);
    await proxy.heal();
    proxy.latency(300);
    await row("300 ms later", whole, [0.3, 6]);
    await proxy.heal();
    proxy.limit(10_000);
    await row("10 kB a second", whole, [0.9, 15]);
    await proxy.heal();
    await proxy.down();
    await row("refused", fromNotes("llm_unavailable"), [2.2, 9]);
    await proxy.heal();
    await row("none again", whole, [0, 5]);
    // Words first: what follows finds a stream under way.
    provider.reply({ steps: [say.ROLE, say.content(BEGUN)], ending: "stall" });
    await row("cut in mid-stream", cut("llm_unavailable"), [0, 5], () => proxy.cut());
    const paced = words.flatMap((word) => [say.content(word), { pauseMs: 20 }]);
    provider.reply({ steps: paced });
    proxy.reset(5_000);
    // How far it came is the network's business.
    const begun = (text: string): SeenAnswer => {
      assert.ok(text !== "" && whole.text.startsWith(text) && text !== whole.text, text);
      return cut("llm_unavailable", text);
    };
    await row("reset after 5 kB", begun, [0, 5]);
    provider.reply({ steps: [say.ROLE, say.content(BEGUN)], ending: "stall" });
    await proxy.heal();
    const stalled = Promise.withResolvers<void>();
    const onText = (): void => {
      proxy.stall();
      stalled.resolve();
    };
    const inMidStream = row("silent in mid-stream", cut("llm_timeout"), [29, 30 + SLACK_S], onText);
    await stalled.promise;
    await Promise.all([
      inMidStream,
      row("silent from the start", fromNotes("llm_timeout"), [19, 20 + SLACK_S]),
    ]);
    await proxy.heal();
    provider.reply({ steps: say.answer("Back.") });
    await row("none any more", spoken("Back."), [0, 5]);
    await assertLogged(scene, runs);
    await assertCounted(scene, runs);
    assertUnharmed(scene);
  });

  it("are answered by the fallback model, after 12 s where the model is silent; two silent ones cost 24 s", async (t) => {
    const away: ProviderReply = { status: 503, steps: ["sk-secret"] };
    const silent: ProviderReply = { silent: true };
    const dying: ProviderReply = { steps: [say.content(BEGUN), { pauseMs: 50 }], ending: "reset" };
    const filtered: ProviderReply = { status: 400, steps: [JSON.stringify(say.errorBody("content_filter"))] };
    const substitute: ProviderReply = { steps: say.answer("In 1815.") };
    const byFallback = (reason: string): SeenAnswer => ({
      ...spoken("In 1815."),
      source: "fallback-model",
      reason,
    });
    const cases: readonly (readonly [string, ProviderReply, ProviderReply, SeenAnswer, Span])[] = [
      ["away", away, substitute, byFallback("llm_unavailable"), [2.2, 9]],
      ["silent", silent, substitute, byFallback("llm_timeout"), [11.5, 12 + SLACK_S]],
      ["away, the fallback model too", away, away, fromNotes("llm_unavailable"), [4.4, 16]],
      ["silent, the fallback model too", silent, silent, fromNotes("llm_timeout"), [23, 24 + SLACK_S]],
      ["away, the fallback model refuses", away, filtered, refused("llm_rejected"), [2.2, 9]],
      [
        "away, the fallback model dies in mid-stream",
        away,
        dying,
        { ...cut("llm_unavailable"), source: "fallback-model", reason: "llm_unavailable" },
        [2.2, 9],
      ],
      ["dies in mid-stream", dying, substitute, cut("llm_unavailable"), [0, 5]],
      ["filters", filtered, substitute, refused("llm_rejected"), [0, 5]],
    ];
    const model = playByMark(cases.map(([, reply]) => [reply]));
    const fallback = playByMark(cases.map(([, , reply]) => [reply]));
    const scene = await openProviderScene(t, { model, fallback, env: WIDE });
    const runs = await Promise.all(
      cases.map((_, mark) => watchRun(scene.instance.socketUrl, markQuestion(QUESTION, mark))),
    );
    for (const [mark, [fault, , , expected, withinS]] of cases.entries()) {
      const run = runs[mark] ?? assert.fail("no run");
      t.diagnostic(`with a fallback model: ${fault} -> ${describeRun(run)}`);
      await t.test(`with a fallback model: ${fault}`, () => {
        assert.deepEqual(run.seen, expected);
        assertInTime(run, withinS);
      });
    }
    await assertLogged(scene, runs);
    await assertCounted(scene, runs);
    assertUnharmed(scene);
  });
});
