// What a revision does to the state that a page shows: what leaves, and where the message stands that is asked again.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ConversationEvent } from "#app/models/server-event.ts";
import type { ConversationState } from "#app/web/transcript.ts";
import { accepted, begin, delta, end, finished, started } from "./server-events.ts";
import { changed, ENGINE } from "./shown-personas.ts";
import { connection, live, messageAt, NEW, run } from "./state-steps.ts";

const edited = (messageId: string, ...removed: readonly string[]): ConversationEvent => ({
  type: "CUSTOM",
  name: "conversation.edited",
  value: { messageId, removed },
});

/** A question and its answer, finished. */
const exchange = (number: number, text: string) => [
  started(`r${number}`, `m${number}`, text),
  begin(`a${number}`),
  delta(`a${number}`, `to ${text}`),
  end(`a${number}`),
  finished(`r${number}`),
];

const texts = ({ messages }: ConversationState) =>
  messages.map((item) => (item.type === "message" ? item.text : item.type));

const TWO = live(NEW, ...exchange(1, "one"), ...exchange(2, "two"));

describe("a revised conversation", () => {
  it("shows the new text and its answer in place of all that followed", () => {
    const removed = live(TWO, edited("m1", "a1", "m2", "a2"));
    assert.deepEqual(texts(removed), ["one"]);
    const asked = live(removed, started("r3", "m1", "uno", "r1"));
    assert.deepEqual(texts(asked), ["uno"]);
    assert.equal(asked.run?.messageId, "m1");
    const answered = live(asked, begin("a3"), delta("a3", "to uno"), end("a3"), finished("r3"));
    assert.deepEqual(texts(answered), ["uno", "to uno"]);
    assert.equal(messageAt(answered, 0).runId, "r3");
    assert.equal(answered.run, undefined);
  });

  it("shows the same message with another answer where it was only asked again", () => {
    const state = live(
      TWO,
      edited("m2", "a2"),
      started("r3", "m2", "two", "r2"),
      begin("a3"),
      delta("a3", "better"),
    );
    assert.deepEqual(texts(state), ["one", "to one", "two", "better"]);
  });

  it("takes a reply away that was broken off for it", () => {
    const state = live(
      TWO,
      started("r3", "m3", "three"),
      begin("a3"),
      delta("a3", "half"),
      end("a3", { partial: true }),
      finished("r3", "cancelled"),
      edited("m2", "a2", "m3", "a3"),
      started("r4", "m2", "deux", "r2"),
    );
    assert.deepEqual(texts(state), ["one", "to one", "deux"]);
  });

  it("asks a waiting message once, with its new text", () => {
    const inLine = live(TWO, started("r3", "m3", "three"), accepted("m4", "r4", "four"));
    const state = live(
      inLine,
      finished("r3"),
      started("r4", "m4", "four"),
      finished("r4", "cancelled"),
      edited("m4"),
      started("r5", "m4", "vier", "r4"),
    );
    assert.deepEqual(texts(state).slice(-2), ["three", "vier"]);
    assert.deepEqual(state.waiting, []);
    assert.equal(messageAt(state, -1).state, "done", "not the end of the run that was dropped");
  });

  it("is the same where the revision is told twice, and where it names what is not shown", () => {
    const once = live(TWO, edited("m1", "a1", "m2", "a2"));
    const twice = live(once, edited("m1", "a1", "m2", "a2"), edited("unknown", "nobody"));
    assert.deepEqual(texts(twice), texts(once));
    assert.equal(twice.seq, once.seq + 2);
  });

  it("keeps what waits in line, and what has not been sent", () => {
    const queued = run(TWO, { type: "queued", message: { id: "m9", text: "later" } });
    const state = live(queued, accepted("m3", "r3", "three"), edited("m1", "a1", "m2", "a2"));
    assert.deepEqual([state.waiting.length, state.unsent.length], [1, 1]);
  });

  it("keeps the mark of who answers now", () => {
    const state = live(
      TWO,
      changed(ENGINE),
      ...exchange(3, "three"),
      edited("m1", "a1", "m2", "a2", "m3", "a3"),
    );
    assert.deepEqual(texts(live(state, started("r4", "m1", "uno", "r1"))), ["change", "uno"]);
    assert.equal(state.persona?.id, "engine");
  });

  it("is not touched by who is typing", () => {
    const typing = connection({ name: "typing", value: { connectionId: "c", state: "start" } });
    assert.equal(run(TWO, typing), TWO);
  });
});
