// Numbers, snapshots, the visitor's messages and lost conversations in the state that a page shows.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ShownMessage } from "#app/models/server-event.ts";
import type { ConversationAction } from "#app/web/conversation-state.ts";
import { accepted, begin, delta, finished, started } from "./server-events.ts";
import { connection, joined, live, messageAt, NEW, run } from "./state-steps.ts";

const snapshot = (messages: readonly ShownMessage[], seq: number): ConversationAction => ({
  type: "frame",
  frame: { kind: "snapshot", messages, seq },
});

describe("numbers", () => {
  it("count once: a repeated or older event changes nothing", () => {
    const state = live(NEW, started("r1", "m1"), begin("a1"), delta("a1", "x"));
    const again = run(state, { type: "frame", frame: { kind: "event", seq: 3, event: delta("a1", "x") } });
    assert.equal(again, state);
  });

  it("that leave a gap change nothing: the client has to ask for the whole", () => {
    const gap = run(NEW, { type: "frame", frame: { kind: "event", seq: 2, event: started("r1", "m1") } });
    assert.equal(gap, NEW);
  });

  it("go on over events of a type that is not known here", () => {
    const state = run(NEW, { type: "frame", frame: { kind: "event", seq: 1, event: undefined } });
    assert.equal(state.seq, 1);
    assert.equal(live(state, started("r1", "m1")).messages.length, 1);
  });

  it("go on when the server changes the epoch, and begin anew in a new conversation", () => {
    const state = live(NEW, started("r1", "m1"));
    assert.equal(run(state, joined({ new: false, epoch: "e2" })).seq, 1);
    assert.equal(run(state, joined({ new: true })).seq, 0);
  });

  it("without a position are asked for after a hole was found", () => {
    const state = run(NEW, { type: "position-lost" });
    assert.equal(state.epoch, undefined);
    assert.equal(state.joined, false);
  });
});

describe("a message of the visitor", () => {
  const sent = run(NEW, { type: "queued", message: { id: "m1", text: "Hello" } });
  const acceptance = (state: "waiting" | "running" | "finished") =>
    connection({ name: "accepted", value: { messageId: "m1", runId: "r1", position: 0, state } });

  it("is unsent, then in line, then answered, and stands in one place at a time", () => {
    assert.deepEqual(sent.unsent, [{ id: "m1", text: "Hello" }]);
    const inLine = run(sent, acceptance("waiting"));
    assert.deepEqual([inLine.unsent.length, inLine.waiting.length, inLine.messages.length], [0, 1, 0]);
    const numbered = live(inLine, accepted("m1", "r1", "Hello"));
    assert.deepEqual([numbered.waiting.length, numbered.messages.length], [1, 0]);
    const answered = live(numbered, started("r1", "m1"));
    assert.deepEqual([answered.waiting.length, answered.messages.length], [0, 1]);
  });

  it("stands once when its events overtake the acceptance", () => {
    const state = run(live(sent, accepted("m1", "r1", "Hello"), started("r1", "m1")), acceptance("running"));
    assert.deepEqual([state.unsent.length, state.waiting.length, state.messages.length], [0, 0, 1]);
  });

  it("is no longer unsent when its answer begins before its acceptance was heard of", () => {
    const state = live(sent, started("r1", "m1"));
    assert.deepEqual([state.unsent.length, state.messages.length], [0, 1]);
  });

  it("of another tab appears in line as well", () => {
    const state = live(NEW, accepted("m9", "r9", "From the other tab"));
    assert.equal(state.waiting[0]?.text, "From the other tab");
  });

  it("that is refused stays to be read, with the reason", () => {
    const problem = { code: "message_too_long", message: "Too long." };
    const state = run(sent, { type: "refused", id: "m1", problem });
    assert.equal(state.unsent.length, 0);
    assert.deepEqual([messageAt(state, 0).state, messageAt(state, 0).problem], ["refused", problem]);
  });

  it("clears the last problem when it is taken", () => {
    const troubled = run(sent, { type: "failed", problem: { code: "rate_limited", message: "Slowly." } });
    assert.equal(troubled.problem?.code, "rate_limited");
    assert.equal(run(troubled, acceptance("running")).problem, undefined);
  });

  it("that is dropped from the line ends as stopped before an answer", () => {
    const state = live(NEW, accepted("m1", "r1", "Hello"), started("r1", "m1"), finished("r1", "cancelled"));
    assert.equal(messageAt(state, 0).state, "stopped");
  });
});

describe("a snapshot", () => {
  const shown = (
    id: string,
    role: "user" | "assistant",
    metadata: Record<string, unknown> = {},
  ): ShownMessage => ({
    id,
    role,
    content: `text of ${id}`,
    metadata,
  });

  it("replaces what was known, puts waiting messages in line and gives the position", () => {
    const before = live(NEW, started("r1", "m1"), begin("a1"), delta("a1", "old"));
    const state = run(
      before,
      snapshot(
        [
          shown("m1", "user"),
          shown("a1", "assistant", {
            source: "model",
            persona: { kind: "object", id: "engine" },
            partial: true,
          }),
          shown("m2", "user", { waiting: true }),
        ],
        40,
      ),
    );
    assert.equal(state.seq, 40);
    assert.equal(state.run, undefined);
    assert.deepEqual([messageAt(state, 1).text, messageAt(state, 1).state], ["text of a1", "stopped"]);
    assert.deepEqual(messageAt(state, 1).speaker, { kind: "object", id: "engine" });
    assert.deepEqual(
      state.waiting.map(({ id }) => id),
      ["m2"],
    );
  });

  it("takes back an unsent message that the server has after all", () => {
    const sent = run(NEW, { type: "queued", message: { id: "m1", text: "Hello" } });
    assert.equal(run(sent, snapshot([shown("m1", "user")], 5)).unsent.length, 0);
  });

  it("is continued by the open reply, replayed from its start", () => {
    const state = live(
      run(NEW, snapshot([shown("m0", "user")], 7)),
      started("r1", "m1"),
      begin("a1"),
      delta("a1", "I"),
    );
    assert.deepEqual(
      state.messages.map(({ id }) => id),
      ["m0", "m1", "a1"],
    );
    assert.equal(state.seq, 10);
  });
});

describe("a conversation that the server lost", () => {
  it("stays to be read; what was not answered goes again; the numbers begin anew", () => {
    const before = run(
      live(NEW, started("r1", "m1"), begin("a1"), delta("a1", "half"), accepted("m2", "r2", "And?")),
      { type: "queued", message: { id: "m3", text: "Hello?" } },
    );
    const state = run(before, { type: "lost" });
    assert.equal(state.ended, true);
    assert.equal(state.past.length, 2);
    assert.equal(state.past[1]?.type === "message" && state.past[1].state, "interrupted");
    assert.deepEqual(
      state.unsent.map(({ id }) => id),
      ["m2", "m3"],
    );
    assert.deepEqual([state.seq, state.epoch, state.messages.length, state.joined], [0, undefined, 0, false]);
  });

  it("is not what a visitor's own new beginning leaves behind", () => {
    const state = run(live(NEW, started("r1", "m1")), { type: "cleared" });
    assert.deepEqual([state.past.length, state.messages.length, state.ended], [0, 0, undefined]);
    assert.equal(state.persona?.id, "persona");
  });
});

it("a connection that is not online has no joined conversation", () => {
  const state = run(NEW, { type: "link", link: { status: "waiting", untilMs: 5 } });
  assert.equal(state.joined, false);
});
