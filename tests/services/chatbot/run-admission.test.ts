// Places among the runs: in order, capped for the instance and for each visitor, and never lost.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { RunAdmission, type RunAdmissionOptions } from "#app/services/chatbot/run-admission.ts";
import { settle } from "../../support/settle.ts";

function start(options: Partial<RunAdmissionOptions> = {}) {
  const admission = new RunAdmission({ maxRuns: 2, maxRunsPerVisitor: 1, maxWaiting: 10, ...options });
  const admitted: string[] = [];
  const places = new Map<string, () => void>();
  /** Asks for a place; `name` stands for the run. */
  const enter = (visitor: string, name = visitor, signal = new AbortController().signal) => {
    const entered = admission.enter(visitor, signal).then((leave) => {
      admitted.push(name);
      places.set(name, leave);
    });
    entered.catch(() => undefined);
    return entered;
  };
  const leave = async (name: string): Promise<void> => {
    places.get(name)?.();
    await settle(1);
  };
  return { admission, admitted, enter, leave };
}

describe("a place among the runs", () => {
  it("is there at once while there is room", async () => {
    const { admission, enter } = start();
    await Promise.all([enter("a"), enter("b")]);
    assert.deepEqual([admission.running, admission.waiting], [2, 0]);
  });

  it("is waited for in the order of asking", async () => {
    const { admission, admitted, enter, leave } = start({ maxRuns: 1 });
    for (const visitor of ["a", "b", "c", "d"]) void enter(visitor);
    await settle(1);
    assert.deepEqual([admission.running, admission.waiting], [1, 3]);
    for (const visitor of ["a", "b", "c"]) await leave(visitor);
    assert.deepEqual(admitted, ["a", "b", "c", "d"]);
  });

  it("of one visitor does not hold up the others who asked later", async () => {
    const { admission, admitted, enter, leave } = start();
    void enter("a", "a1");
    void enter("a", "a2");
    void enter("a", "a3");
    void enter("b");
    await settle(1);
    assert.deepEqual(admitted, ["a1", "b"]);
    void enter("c");
    await leave("b");
    assert.deepEqual(admitted, ["a1", "b", "c"], "a2 was before c, and has no place of its own yet");
    await leave("a1");
    assert.deepEqual(admitted, ["a1", "b", "c", "a2"]);
    assert.deepEqual([admission.running, admission.waiting], [2, 1]);
  });

  it("is not given to a newcomer before those who wait for it", async () => {
    const { admitted, enter, leave } = start({ maxRuns: 1 });
    void enter("a");
    void enter("b");
    await settle(1);
    const left = leave("a");
    void enter("c");
    await left;
    assert.deepEqual(admitted, ["a", "b"]);
  });

  it("may be several for a visitor", async () => {
    const { admitted, enter } = start({ maxRuns: 10, maxRunsPerVisitor: 2 });
    for (const name of ["a1", "a2", "a3"]) void enter("a", name);
    await settle(1);
    assert.deepEqual(admitted, ["a1", "a2"]);
  });

  it("is given back once, however often it is left", async () => {
    const { admission, admitted, enter, leave } = start({ maxRuns: 1 });
    for (const visitor of ["a", "b", "c"]) void enter(visitor);
    await settle(1);
    await leave("a");
    await leave("a");
    assert.deepEqual([admitted, admission.running, admission.waiting], [["a", "b"], 1, 1]);
  });

  it("has one budget for names of an object's own properties too", async () => {
    const { admitted, enter } = start({ maxRuns: 10 });
    for (const visitor of ["__proto__", "__proto__", "constructor", ""]) void enter(visitor);
    await settle(1);
    assert.deepEqual(admitted, ["__proto__", "constructor", ""]);
  });
});

describe("waiting for a place", () => {
  it("ends with the signal's reason, and the next one is not held up", async () => {
    const { admission, admitted, enter, leave } = start({ maxRuns: 1 });
    const stop = new AbortController();
    void enter("a");
    const waiting = enter("b", "b", stop.signal);
    void enter("c");
    const reason = new Error("stopped");
    stop.abort(reason);
    await assert.rejects(waiting, reason);
    assert.deepEqual([admission.running, admission.waiting], [1, 1]);
    await leave("a");
    assert.deepEqual(admitted, ["a", "c"]);
  });

  it("does not begin for one who was stopped already, room or not", async () => {
    const { admission } = start();
    await assert.rejects(admission.enter("a", AbortSignal.abort(new Error("stopped"))), /stopped/);
    assert.deepEqual([admission.running, admission.waiting], [0, 0]);
  });

  it("that ended with a place in the tick of the stop has the place, and can give it back", async () => {
    const { admission, admitted, enter, leave } = start({ maxRuns: 1 });
    const stop = new AbortController();
    void enter("a");
    void enter("b", "b", stop.signal);
    await settle(1);
    const left = leave("a");
    stop.abort(new Error("too late"));
    await left;
    assert.deepEqual([admitted, admission.running], [["a", "b"], 1]);
    await leave("b");
    assert.deepEqual([admission.running, admission.waiting], [0, 0]);
  });

  it("leaves no listener on a signal that outlives it", async () => {
    const { enter, leave } = start({ maxRuns: 1 });
    const stop = new AbortController();
    let listeners = 0;
    const { signal } = stop;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners += 1;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners -= 1;
      remove(...args);
    };
    for (const name of ["a1", "a2", "a3"]) void enter(name, name, signal);
    await settle(1);
    for (const name of ["a1", "a2", "a3"]) await leave(name);
    assert.equal(listeners, 0);
  });

  it("is refused beforehand when too many wait, and open again when they have left", async () => {
    const { admission, enter, leave } = start({ maxRuns: 1, maxWaiting: 2 });
    for (const visitor of ["a", "b"]) void enter(visitor);
    admission.assertRoom();
    void enter("c");
    await settle(1);
    assert.throws(() => admission.assertRoom(), { code: "overloaded", retryAfterMs: 5_000 });
    await leave("a");
    admission.assertRoom();
  });
});

/** 0 to 4: a visitor asks. 5: the oldest run is left. 6: the newest who waits is stopped. */
const steps = fc.array(fc.integer({ min: 0, max: 6 }), { maxLength: 60 });

describe("whatever comes and goes", () => {
  it("no cap is exceeded, nobody waits for a free place, and in the end everything is given back", async () => {
    const plays = fc.asyncProperty(
      steps,
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 3 }),
      async (schedule, maxRuns, maxRunsPerVisitor) => {
        const admission = new RunAdmission({ maxRuns, maxRunsPerVisitor, maxWaiting: 100 });
        const running: { visitor: number; leave: () => void }[] = [];
        const waiting: { visitor: number; stop: AbortController }[] = [];
        const ask = (visitor: number): void => {
          const wish = { visitor, stop: new AbortController() };
          waiting.push(wish);
          const settled = (): void => void waiting.splice(waiting.indexOf(wish), 1);
          admission.enter(String(visitor), wish.stop.signal).then(
            (leave) => {
              settled();
              running.push({ visitor, leave });
            },
            () => settled(),
          );
        };
        const countOf = (visitor: number): number => running.filter((run) => run.visitor === visitor).length;
        for (const step of schedule) {
          if (step < 5) ask(step);
          else if (step === 5) running.shift()?.leave();
          else waiting.at(-1)?.stop.abort(new Error("stopped"));
          await settle(1);
          assert.deepEqual([admission.running, admission.waiting], [running.length, waiting.length]);
          assert.ok(running.length <= maxRuns);
          for (const { visitor } of running) assert.ok(countOf(visitor) <= maxRunsPerVisitor);
          if (running.length < maxRuns)
            for (const { visitor } of waiting) assert.equal(countOf(visitor), maxRunsPerVisitor);
        }
        while (running.length > 0) {
          running.shift()?.leave();
          await settle(1);
        }
        assert.deepEqual([admission.running, admission.waiting], [0, 0]);
      },
    );
    await fc.assert(plays, { numRuns: 60 });
  });
});
