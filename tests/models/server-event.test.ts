// What the server says: every event and every frame of a connection is a valid AG-UI event.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EventSchemas } from "@ag-ui/core/schemas";
import fc from "fast-check";
import { ERROR_TABLE } from "#app/core/errors.ts";
import {
  type ConnectionFrames,
  type ConversationEvent,
  encodeConnectionFrame,
  encodeEvent,
  encodeSnapshot,
} from "#app/models/server-event.ts";

const persona = { id: "ada", kind: "persona", name: "Ada", revision: "abc" } as const;
const shownPersona = { ...persona, greeting: "Good day", suggestions: ["Who?"], language: "en" };
const ids = { threadId: "t", runId: "r" };
const timings = { queuedMs: 0, firstTokenMs: null, totalMs: 3 };
const usage = { model: "m", inputTokens: 1, outputTokens: 2 };

/** One of each kind and name, and those variants that have other fields. */
const EVENTS: readonly ConversationEvent[] = [
  {
    type: "RUN_STARTED",
    ...ids,
    input: { ...ids, messages: [{ id: "q", role: "user", content: "Hello" }], tools: [], context: [] },
    metadata: { persona },
  },
  {
    type: "RUN_STARTED",
    ...ids,
    parentRunId: "before",
    input: { ...ids, messages: [], tools: [], context: [] },
    metadata: { persona },
  },
  { type: "TEXT_MESSAGE_START", messageId: "m", role: "assistant" },
  { type: "TEXT_MESSAGE_CONTENT", messageId: "m", delta: "Good day 😀" },
  { type: "TEXT_MESSAGE_END", messageId: "m", metadata: { source: "model", revision: "abc", createdAt: 1 } },
  {
    type: "TEXT_MESSAGE_END",
    messageId: "m",
    metadata: { source: "offline", revision: "abc", createdAt: 1, partial: true, finishReason: "length" },
  },
  { type: "RUN_FINISHED", ...ids, outcome: { type: "success" }, usage: [usage], metadata: { timings } },
  {
    type: "RUN_FINISHED",
    ...ids,
    outcome: { type: "cancelled" },
    usage: [],
    metadata: { timings: { ...timings, firstTokenMs: 2 } },
  },
  { type: "RUN_ERROR", ...ids, code: "llm_timeout", message: "Too slow.", metadata: { retryable: true } },
  {
    type: "RUN_ERROR",
    ...ids,
    code: "llm_unavailable",
    message: "",
    metadata: { retryable: true, retryAfterMs: 1_000 },
  },
  {
    type: "CUSTOM",
    name: "message.accepted",
    value: { messageId: "q", runId: "r", text: "Hello", position: 1 },
  },
  { type: "CUSTOM", name: "persona.changed", value: shownPersona },
];

const joined = {
  conversationId: "c",
  epoch: "e",
  lastSeq: 0,
  persona: shownPersona,
  new: true,
  storage: "memory",
} as const;
const accepted = { messageId: "q", runId: "r", position: 0, state: "waiting" } as const;
const shown = { id: "q", role: "user", content: "Hello", metadata: { createdAt: 1 } } as const;

/** At least one of each name: a new frame without one does not compile. */
const FRAMES: { readonly [Name in keyof ConnectionFrames]: readonly ConnectionFrames[Name][] } = {
  hello: [
    {
      protocol: "parley/1",
      agui: "1.0",
      connectionId: "x",
      heartbeatMs: 30_000,
      idleTtlMs: 3_600_000,
      limits: { maxFrameBytes: 65_536, maxMessageChars: 2_000, messagesPerMinute: 20 },
    },
  ],
  joined: [
    joined,
    { ...joined, resumeToken: "t", recovered: false, activeRunId: "r", storage: "redis", commandId: "1" },
  ],
  accepted: [accepted, { ...accepted, state: "finished", duplicate: true, commandId: "1" }],
  history: [
    { messages: [], before: null, hasMore: false },
    { messages: [shown], before: "q", hasMore: true, commandId: "1" },
  ],
  "feedback.saved": [
    { messageId: "a", rating: "up" },
    { messageId: "a", rating: "down", commandId: "1" },
  ],
  typing: [{ connectionId: "x", state: "start" }],
  replayed: [{ lastSeq: 3 }],
  pong: [{}, { t: 1 }, { t: "a", commandId: "1" }],
  draining: [{ reconnectInMs: 17 }],
  error: [
    { code: "queue_full", message: "Full.", retryable: true, requestId: "x" },
    {
      code: "rate_limited",
      message: "Slow.",
      retryable: true,
      retryAfterMs: 5,
      details: { a: 1 },
      commandId: "1",
      requestId: "x",
    },
  ],
};

function assertEvent(encoded: string): unknown {
  const value: unknown = JSON.parse(encoded);
  const parsed = EventSchemas.safeParse(value);
  assert.ok(parsed.success, `${encoded}: ${parsed.error?.message}`);
  return value;
}

describe("a conversation event", () => {
  for (const event of EVENTS) {
    const name = event.type === "CUSTOM" ? event.name : event.type;
    it(`is valid AG-UI, whole, numbered and dated: ${name} ${Object.keys(event).join(" ")}`, () => {
      assert.deepEqual(assertEvent(encodeEvent(event, 7, 1_700_000_000_000)), {
        ...event,
        seq: 7,
        timestamp: 1_700_000_000_000,
      });
    });
  }

  it("is valid with every code of the error table", () => {
    for (const [code, { message, retryable }] of Object.entries(ERROR_TABLE)) {
      const event = { type: "RUN_ERROR", ...ids, code, message, metadata: { retryable } };
      assert.ok(EventSchemas.safeParse(event).success, code);
    }
  });

  it("is one line of JSON that survives any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", minLength: 1 }), (text) => {
        const delta = text.toWellFormed();
        const encoded = encodeEvent({ type: "TEXT_MESSAGE_CONTENT", messageId: "m", delta }, 1, 0);
        assert.ok(
          !encoded.includes("\n") && !encoded.includes("\r"),
          "an event is one line of an SSE stream",
        );
        assert.equal(Object(assertEvent(encoded)).delta, delta);
      }),
    );
  });
});

describe("a connection frame", () => {
  for (const [name, values] of Object.entries(FRAMES)) {
    it(`is a valid AG-UI event without a number, whole: ${name}`, () => {
      for (const value of values) {
        const encoded = encodeConnectionFrame(Object(name).toString(), value);
        assert.deepEqual(assertEvent(encoded), { type: "CUSTOM", name, value });
      }
    });
  }

  it("leaves no trace of what is undefined", () => {
    assert.equal(
      encodeConnectionFrame("pong", Object({ t: undefined })),
      '{"type":"CUSTOM","name":"pong","value":{}}',
    );
  });
});

describe("a snapshot", () => {
  it("is a valid AG-UI event that names the position it stands for", () => {
    const messages = [shown, { ...shown, id: "a", role: "assistant" } as const];
    assert.deepEqual(assertEvent(encodeSnapshot(messages, 12)), {
      type: "MESSAGES_SNAPSHOT",
      messages,
      metadata: { seq: 12 },
    });
    assertEvent(encodeSnapshot([], 0));
  });
});
