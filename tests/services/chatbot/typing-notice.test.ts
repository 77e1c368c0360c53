// When the others are told that somebody is writing: at its changes, seldom while it lasts, and its end without a word.

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { TypingNotice } from "#app/services/chatbot/typing-notice.ts";

/** A notice under a clock that the test moves; `told` is what the others heard. */
function startNotice(t: TestContext) {
  let nowMs = 1_000_000;
  t.mock.timers.enable({ apis: ["setTimeout"] });
  t.mock.method(performance, "now", () => nowMs);
  const told: string[] = [];
  const notice = new TypingNotice((state) => void told.push(state));
  const pass = (ms: number): void => {
    nowMs += ms;
    t.mock.timers.tick(ms);
  };
  return { notice, told, pass };
}

describe("a typing notice", () => {
  it("tells a start, and a stop only after one", (t) => {
    const { notice, told } = startNotice(t);
    for (const state of ["stop", "start", "stop", "stop", "start"] as const) notice.set(state);
    assert.deepEqual(told, ["start", "stop", "start"]);
  });

  it("repeats itself at most every 3 s while it lasts, for those who came later", (t) => {
    const { notice, told, pass } = startNotice(t);
    for (let index = 0; index < 61; index += 1) {
      notice.set("start");
      pass(100);
    }
    assert.deepEqual(told, ["start", "start", "start"]);
  });

  it("ends by itself 10 s after the last word of the client, and not before", (t) => {
    const { notice, told, pass } = startNotice(t);
    notice.set("start");
    pass(2_900);
    notice.set("start");
    pass(9_999);
    assert.deepEqual(told, ["start"]);
    pass(1);
    assert.deepEqual(told, ["start", "stop"]);
    pass(60_000);
    notice.set("stop");
    assert.deepEqual(told, ["start", "stop"], "it ends once");
  });

  it("leaves no timer behind once it has stopped", (t) => {
    const { notice, told, pass } = startNotice(t);
    notice.set("start");
    notice.set("stop");
    pass(60_000);
    assert.deepEqual(told, ["start", "stop"]);
  });

  it("keeps no process alive", (t) => {
    const timers: NodeJS.Timeout[] = [];
    const real = globalThis.setTimeout;
    t.mock.method(globalThis, "setTimeout", (work: () => void, ms: number) => {
      const timer = real(work, ms);
      timers.push(timer);
      return timer;
    });
    new TypingNotice(() => undefined).set("start");
    assert.deepEqual(
      timers.map((timer) => timer.hasRef()),
      [false],
    );
    for (const timer of timers) clearTimeout(timer);
  });
});
