// What a client may say: every frame, good and bad, and that no text at all can do more than be refused.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { AppError } from "#app/core/errors.ts";
import { clientFrameSchema, parseClientFrame } from "#app/models/client-frame.ts";

const ID = "c".repeat(22);
const TOKEN = "t".repeat(22);
const parse = (frame: unknown) => parseClientFrame(JSON.stringify(frame));

function refusalOf(text: string): AppError {
  try {
    parseClientFrame(text);
  } catch (error) {
    assert.ok(error instanceof AppError, String(error));
    return error;
  }
  return assert.fail(`was taken: ${text.slice(0, 100)}`);
}

/** The fields that a refusal names. */
function fieldsOf(error: AppError): string[] {
  const { fields } = Object(error.details);
  return fields.map(({ field }: { field: string }) => field);
}

describe("a frame that is taken", () => {
  for (const frame of [
    { type: "join" },
    { type: "join", persona: "engineer", locale: "tr-TR", commandId: "1" },
    { type: "join", object: "jacquard-card" },
    { type: "join", conversationId: ID, resumeToken: TOKEN },
    { type: "join", conversationId: "c".repeat(64), resumeToken: TOKEN, create: true },
    { type: "join", conversationId: ID, resumeToken: TOKEN, epoch: "e", after: 0 },
    { type: "ack", seq: 0 },
    { type: "message", text: "Hello", id: "a".repeat(64) },
    { type: "message", text: "\ud800 half", persona: "engineer" },
    { type: "stop" },
    { type: "stop", runId: "r-1_A" },
    { type: "persona", persona: "engineer" },
    { type: "persona", object: "card" },
    { type: "regenerate" },
    { type: "regenerate", messageId: "a".repeat(64), commandId: "1" },
    { type: "edit", messageId: "m-1_A", text: " \ud800 half " },
    { type: "feedback", messageId: "m", rating: "up" },
    { type: "feedback", messageId: "m", rating: "down", comment: "" },
    { type: "feedback", messageId: "m", rating: "down", comment: "ş".repeat(2_000), commandId: "f" },
    { type: "typing", state: "start" },
    { type: "typing", state: "stop", commandId: "t" },
    { type: "history", before: "m", limit: 100 },
    { type: "ping", t: "x".repeat(64) },
    { type: "ping", t: -1.5 },
  ]) {
    it(`comes out as it is: ${JSON.stringify(frame).slice(0, 80)}`, () =>
      assert.deepEqual(parse(frame), frame));
  }

  it("gets the default of a field that was left out", () => {
    assert.deepEqual(parse({ type: "history" }), { type: "history", limit: 50 });
  });

  it("may have blanks around it, and around its text, which stay", () => {
    assert.deepEqual(parseClientFrame(' \n{"type":"message","text":" a "}\t'), {
      type: "message",
      text: " a ",
    });
  });

  it("is the same for the parser and for the one schema that is documented", () => {
    for (const frame of [{ type: "history" }, { type: "message", text: "a" }])
      assert.deepEqual(clientFrameSchema.parse(frame), parse(frame));
  });
});

describe("a frame that is refused, naming the field", () => {
  const join = { type: "join", conversationId: ID, resumeToken: TOKEN };
  for (const [frame, field] of [
    [{ type: "join", conversationId: ID }, "resumeToken"],
    [{ ...join, conversationId: "short" }, "conversationId"],
    [{ ...join, conversationId: "c".repeat(65) }, "conversationId"],
    [{ ...join, conversationId: `${ID}/../x` }, "conversationId"],
    [{ ...join, conversationId: `${ID}\n` }, "conversationId"],
    [{ ...join, resumeToken: "{x}" }, "resumeToken"],
    [{ type: "join", create: true }, "create"],
    [{ type: "join", create: "true" }, "create"],
    [{ ...join, epoch: "e" }, "after"],
    [{ ...join, after: 1 }, "after"],
    [{ ...join, epoch: "", after: 1 }, "epoch"],
    [{ ...join, epoch: "e".repeat(65), after: 1 }, "epoch"],
    [{ ...join, epoch: "e", after: -1 }, "after"],
    [{ ...join, epoch: "e", after: 1.5 }, "after"],
    [{ ...join, epoch: "e", after: 2 ** 53 }, "after"],
    [{ type: "join", persona: "a", object: "b" }, "object"],
    [{ type: "join", persona: "Engineer" }, "persona"],
    [{ type: "join", persona: "a".repeat(65) }, "persona"],
    [{ type: "join", persona: "../persona" }, "persona"],
    [{ type: "join", object: "__proto__" }, "object"],
    [{ type: "join", locale: "tr_TR" }, "locale"],
    [{ type: "join", locale: "t" }, "locale"],
    [{ type: "join", toString: 1 }, "toString"],
    [{ type: "ack" }, "seq"],
    [{ type: "ack", seq: "1" }, "seq"],
    [{ type: "ack", seq: null }, "seq"],
    [{ type: "message" }, "text"],
    [{ type: "message", text: "" }, "text"],
    [{ type: "message", text: " \n\t " }, "text"],
    [{ type: "message", text: ["a"] }, "text"],
    [{ type: "message", text: "a", id: "" }, "id"],
    [{ type: "message", text: "a", id: "a".repeat(65) }, "id"],
    [{ type: "message", text: "a", id: "a b" }, "id"],
    [{ type: "message", text: "a", persona: "a", object: "b" }, "object"],
    [{ type: "message", text: "a", conversationId: ID }, "conversationId"],
    [{ type: "stop", runId: 1 }, "runId"],
    [{ type: "stop", runId: "" }, "runId"],
    [{ type: "persona" }, "persona"],
    [{ type: "persona", persona: "a", object: "b" }, "persona"],
    [{ type: "regenerate", messageId: "" }, "messageId"],
    [{ type: "regenerate", messageId: null }, "messageId"],
    [{ type: "regenerate", text: "a" }, "text"],
    [{ type: "edit", text: "a" }, "messageId"],
    [{ type: "edit", messageId: "m" }, "text"],
    [{ type: "edit", messageId: "m", text: "\u00a0\n" }, "text"],
    [{ type: "edit", messageId: "m", text: {} }, "text"],
    [{ type: "edit", messageId: "~m", text: "a" }, "messageId"],
    [{ type: "edit", messageId: "m\n", text: "a" }, "messageId"],
    [{ type: "edit", messageId: "m", text: "a", persona: "a" }, "persona"],
    [{ type: "feedback", rating: "up" }, "messageId"],
    [{ type: "feedback", messageId: "m" }, "rating"],
    [{ type: "feedback", messageId: "m", rating: "UP" }, "rating"],
    [{ type: "feedback", messageId: "m", rating: ["up"] }, "rating"],
    [{ type: "feedback", messageId: "m", rating: "up", comment: null }, "comment"],
    [{ type: "feedback", messageId: "m", rating: "up", comment: "x".repeat(2_001) }, "comment"],
    [{ type: "feedback", messageId: "m", rating: "up", metadata: {} }, "metadata"],
    [{ type: "typing" }, "state"],
    [{ type: "typing", state: "pause" }, "state"],
    [{ type: "typing", state: "start", connectionId: "c" }, "connectionId"],
    [{ type: "history", limit: 0 }, "limit"],
    [{ type: "history", limit: 101 }, "limit"],
    [{ type: "history", limit: "50" }, "limit"],
    [{ type: "history", before: {} }, "before"],
    [{ type: "ping", t: "x".repeat(65) }, "t"],
    [{ type: "ping", t: true }, "t"],
    [{ type: "ping", commandId: "ü" }, "commandId"],
    [{ type: 1 }, "type"],
    [{ text: "a" }, "type"],
    [{}, "type"],
  ] as const) {
    it(`${field} of ${JSON.stringify(frame).slice(0, 80)}`, () => {
      const error = refusalOf(JSON.stringify(frame));
      assert.equal(error.code, "invalid_frame");
      assert.deepEqual(fieldsOf(error), [field]);
      assert.ok(error.message.includes(field));
    });
  }

  it("names at most eight, however many are wrong", () => {
    const wrong = Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`field${index}`, index]));
    assert.equal(fieldsOf(refusalOf(JSON.stringify({ type: "ping", ...wrong }))).length, 8);
  });

  it("does not send a whole book back for a field's or a type's name", () => {
    const long = "x".repeat(60_000);
    for (const frame of [{ type: "ping", [long]: 1 }, { type: long }]) {
      const error = refusalOf(JSON.stringify(frame));
      assert.ok(JSON.stringify([error.message, error.details]).length < 1_000);
    }
  });
});

describe("a text that is no frame", () => {
  for (const text of [
    "",
    " ",
    "hello",
    "{",
    '{"type":"ping"',
    '{"type":"ping"}{}',
    "\u0000",
    "undefined",
    "NaN",
  ]) {
    it(`is invalid JSON: ${JSON.stringify(text)}`, () => assert.equal(refusalOf(text).code, "invalid_json"));
  }

  for (const text of ["null", "1", '"ping"', "[]", '[{"type":"ping"}]', "true"]) {
    it(`is no object: ${text}`, () => assert.equal(refusalOf(text).code, "invalid_frame"));
  }

  for (const type of ["edit ", "JOIN", "", "__proto__", "constructor", "hasOwnProperty", "toString"]) {
    it(`is of no known type: ${JSON.stringify(type)}`, () => {
      assert.equal(refusalOf(JSON.stringify({ type })).code, "unsupported_type");
    });
  }

  it("is refused however deep it is nested", () => {
    const depth = 32_000;
    for (const text of [
      `${"[".repeat(depth)}${"]".repeat(depth)}`,
      `{"type":"ping","t":${"[".repeat(depth)}${"]".repeat(depth)}}`,
      `${'{"type":'.repeat(7_000)}1${"}".repeat(7_000)}`,
      "[".repeat(65_536),
    ]) {
      assert.match(refusalOf(text).code, /^invalid_/);
    }
  });
});

describe("a prototype in a frame", () => {
  for (const text of [
    '{"__proto__":{"type":"ping"}}',
    '{"type":"ping","__proto__":{"polluted":true}}',
    '{"type":"message","text":"a","constructor":{"prototype":{"polluted":true}}}',
  ]) {
    it(`is refused, and pollutes nothing: ${text}`, () => {
      assert.equal(refusalOf(text).code, "invalid_frame");
      assert.equal("polluted" in {}, false);
    });
  }
});

describe("any text at all", () => {
  const frameLike = fc.record(
    {
      type: fc.constantFrom(
        ...["join", "ack", "message", "stop", "persona", "history", "ping"],
        ...["edit", "regenerate", "feedback", "typing"],
      ),
      messageId: fc.oneof(fc.constant("m"), fc.jsonValue()),
      rating: fc.oneof(fc.constant("up"), fc.jsonValue()),
      state: fc.oneof(fc.constant("start"), fc.jsonValue()),
      text: fc.jsonValue(),
      conversationId: fc.oneof(fc.constant(ID), fc.jsonValue()),
      resumeToken: fc.oneof(fc.constant(TOKEN), fc.jsonValue()),
      persona: fc.jsonValue(),
      seq: fc.jsonValue(),
      t: fc.jsonValue(),
    },
    { requiredKeys: ["type"] },
  );

  it("is a frame or an AppError of validation, never another error", () => {
    const texts = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.json(),
      frameLike.map((frame) => JSON.stringify(frame)),
      fc.tuple(fc.json(), fc.nat()).map(([json, cut]) => json.slice(0, cut % (json.length + 1))),
    );
    fc.assert(
      fc.property(texts, (text) => {
        try {
          const frame = parseClientFrame(text);
          assert.deepEqual(parseClientFrame(JSON.stringify(frame)), frame);
        } catch (error) {
          assert.ok(error instanceof AppError, String(error));
          assert.equal(error.category, "validation");
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
