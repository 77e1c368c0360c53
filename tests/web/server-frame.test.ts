// The client's door: what is let in, what keeps only its number, what is dropped.

import assert from "node:assert/strict";
import { it } from "node:test";
import { parseServerFrame } from "#app/web/server-frame.ts";

const parse = (value: unknown) => parseServerFrame(JSON.stringify(value));

it("what is no frame of the protocol is dropped", () => {
  for (const text of ["", "{", "[]", "null", "7", '"text"', '{"type":"CUSTOM","name":"hello"}']) {
    assert.equal(parseServerFrame(text), undefined, text);
  }
  assert.equal(parse({ type: "CUSTOM", name: "typing", value: {} }), undefined);
  assert.equal(parse({ type: "CUSTOM", name: "constructor", value: {} }), undefined);
  assert.equal(parse({ type: "CUSTOM", name: "joined", value: { conversationId: 5 } }), undefined);
  assert.equal(parse({ type: "MESSAGES_SNAPSHOT", messages: [] }), undefined);
  assert.equal(parse({ type: "MESSAGES_SNAPSHOT", messages: [{}], metadata: { seq: 1 } }), undefined);
});

it("a numbered event of an unknown type, or with fields missing, keeps its number alone", () => {
  assert.deepEqual(parse({ type: "STEP_STARTED", stepName: "retrieve", seq: 4 }), {
    kind: "event",
    seq: 4,
    event: undefined,
  });
  for (const type of ["RUN_STARTED", "TEXT_MESSAGE_CONTENT", "RUN_ERROR", "toString", "__proto__"]) {
    assert.deepEqual(parse({ type, seq: 4 }), { kind: "event", seq: 4, event: undefined }, type);
  }
});

it("a known event arrives whole", () => {
  const event = { type: "TEXT_MESSAGE_CONTENT", messageId: "a", delta: "x", seq: 2, timestamp: 1 };
  assert.deepEqual(parse(event), { kind: "event", seq: 2, event });
});

it("a connection frame arrives under its name", () => {
  assert.deepEqual(parse({ type: "CUSTOM", name: "draining", value: { reconnectInMs: 5 } }), {
    kind: "connection",
    name: "draining",
    value: { reconnectInMs: 5 },
  });
});

it("a revision of the conversation arrives whole, and keeps its number alone where its fields are wrong", () => {
  const edited = (value: unknown) => ({ type: "CUSTOM", name: "conversation.edited", value, seq: 3 });
  const event = edited({ messageId: "m", removed: ["a", "b"] });
  assert.deepEqual(parse(event), { kind: "event", seq: 3, event });
  for (const value of [undefined, null, [], {}, { messageId: "m" }, { messageId: 1, removed: [] }])
    assert.deepEqual(
      parse(edited(value)),
      { kind: "event", seq: 3, event: undefined },
      JSON.stringify(value),
    );
  assert.equal(parse({ ...event, seq: undefined }), undefined, "without a number it is none");
});

it("who is typing and what was rated arrive under their names, and not with fields missing", () => {
  for (const [name, value] of [
    ["typing", { connectionId: "c", state: "start" }],
    ["feedback.saved", { messageId: "m", rating: "up" }],
  ] as const) {
    assert.deepEqual(parse({ type: "CUSTOM", name, value }), { kind: "connection", name, value });
    for (const key of Object.keys(value))
      assert.equal(parse({ type: "CUSTOM", name, value: { ...value, [key]: undefined } }), undefined, key);
  }
});

it("the end of a conversation arrives with a number and without", () => {
  const erased = { type: "CUSTOM", name: "conversation.erased", value: {} };
  assert.deepEqual(parse(erased), { kind: "erased" });
  assert.deepEqual(parse({ ...erased, seq: 7 }), { kind: "erased" });
});
