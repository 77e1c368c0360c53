// What each event of the log does to the state that a page shows.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { applySnapshot } from "#app/web/shown-history.ts";
import { begin, delta, end, failed, finished, started } from "./server-events.ts";
import { changed, ENGINE } from "./shown-personas.ts";
import { live, messageAt, NEW } from "./state-steps.ts";

describe("a reply", () => {
  it("grows by its deltas and ends with its source, under its speaker's name", () => {
    const streaming = live(
      NEW,
      started("r1", "m1", "Who?"),
      begin("a1"),
      delta("a1", "I am "),
      delta("a1", "Ada."),
    );
    assert.equal(messageAt(streaming, 0).text, "Who?");
    assert.equal(messageAt(streaming, 1).text, "I am Ada.");
    assert.equal(messageAt(streaming, 1).state, "streaming");
    assert.equal(streaming.run?.runId, "r1");

    const done = live(streaming, end("a1"), finished("r1"));
    assert.equal(messageAt(done, 1).state, "done");
    assert.equal(messageAt(done, 1).source, "offline");
    assert.equal(messageAt(done, 1).speaker?.name, "Ada");
    assert.equal(done.run, undefined);
  });

  it("shows from its first word on where it comes from, as far as its beginning says so", () => {
    const begun = live(NEW, started("r1", "m1"), begin("a1", "fallback-model"), delta("a1", "I"));
    assert.deepEqual(
      [messageAt(begun, 1).source, messageAt(begun, 1).state],
      ["fallback-model", "streaming"],
    );
    assert.equal(messageAt(live(NEW, started("r1", "m1"), begin("a1")), 1).source, undefined);
    const wrong = { ...begin("a1"), metadata: { source: 7 } };
    assert.equal(messageAt(live(NEW, started("r1", "m1"), Object(wrong)), 1).source, undefined);
  });

  it("says from its first word on, and when it ends, what kept the model from answering", () => {
    const begun = live(NEW, started("r1", "m1"), begin("a1", "offline", "quota_exceeded"), delta("a1", "I"));
    assert.equal(messageAt(begun, 1).reason, "quota_exceeded");
    assert.equal(messageAt(live(begun, end("a1")), 1).reason, "quota_exceeded");
    assert.equal(messageAt(live(begun, end("a1", { reason: "llm_timeout" })), 1).reason, "llm_timeout");

    const unnamed = live(NEW, started("r1", "m1"), begin("a1", "offline"));
    assert.equal(Object.hasOwn(messageAt(unnamed, 1), "reason"), false);
    assert.equal(messageAt(live(unnamed, end("a1", { reason: "llm_timeout" })), 1).reason, "llm_timeout");
    assert.equal(Object.hasOwn(messageAt(live(unnamed, end("a1", { reason: 7 })), 1), "reason"), false);
    const wrong = { ...begin("a1"), metadata: { source: "offline", reason: [] } };
    assert.equal(messageAt(live(NEW, started("r1", "m1"), Object(wrong)), 1).reason, undefined);
  });

  it("of the history does not say why notes answered, and claims nothing", () => {
    const stored = (source: string) => ({
      id: source,
      role: "assistant" as const,
      content: "I",
      metadata: { source },
    });
    const { messages } = applySnapshot(NEW, [stored("offline"), stored("scripted"), stored("model")], 9);
    const reasons = messages.map((item) => item.type === "message" && item.reason);
    assert.deepEqual(reasons, ["unknown", undefined, undefined]);
  });

  it("that is stopped keeps what was said and says that it was stopped", () => {
    const state = live(
      NEW,
      started("r1", "m1"),
      begin("a1"),
      delta("a1", "I"),
      end("a1", { partial: true }),
      finished("r1", "cancelled"),
    );
    assert.deepEqual([messageAt(state, 1).text, messageAt(state, 1).state], ["I", "stopped"]);
  });

  it("that fails carries the error; without a word said, the question carries it", () => {
    const midway = live(
      NEW,
      started("r1", "m1"),
      begin("a1"),
      delta("a1", "I"),
      end("a1", { partial: true }),
      failed("r1"),
    );
    assert.equal(messageAt(midway, 1).state, "interrupted");
    assert.deepEqual(messageAt(midway, 1).problem, {
      code: "llm_timeout",
      message: "Too slow.",
      retryAfterMs: 1000,
    });

    const silent = live(NEW, started("r1", "m1"), failed("r1"));
    assert.equal(silent.messages.length, 1);
    assert.equal(messageAt(silent, 0).problem?.code, "llm_timeout");
    assert.equal(silent.run, undefined);
  });

  it("that was interrupted by a take-over gives way to its repetition", () => {
    const state = live(
      NEW,
      started("r1", "m1"),
      begin("a1"),
      delta("a1", "half"),
      end("a1", { partial: true, interrupted: true }),
      failed("r1"),
      started("r2", "m1", "Hello", "r1"),
      begin("a2"),
      delta("a2", "whole"),
    );
    assert.deepEqual(
      state.messages.map((item) => item.id),
      ["m1", "a2"],
    );
  });

  it("whose model was cut short says why", () => {
    const state = live(NEW, started("r1", "m1"), begin("a1"), end("a1", { finishReason: "length" }));
    assert.equal(messageAt(state, 1).finishReason, "length");
  });
});

describe("who answers", () => {
  it("may change within the conversation, which leaves a mark", () => {
    const state = live(NEW, started("r1", "m1"), finished("r1"), changed(ENGINE));
    assert.equal(state.persona?.id, "engine");
    assert.equal(state.opening?.id, "persona");
    assert.equal(state.messages.at(-1)?.type, "change");
  });

  it("changes without a mark where nothing has been said", () => {
    const state = live(NEW, changed(ENGINE));
    assert.equal(state.opening?.id, "engine");
    assert.equal(state.messages.length, 0);
  });
});
