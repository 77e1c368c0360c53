// Every fault of a provider that a test can script: what it does, what comes out, and what retry and breaker make of it.

import type { ErrorCode } from "#app/core/errors.ts";
import type { Deadlines } from "#app/services/llm/deadlines.ts";
import { say } from "../support/provider-chunks.ts";
import type { ProviderReply, ProviderStep } from "../support/scriptable-provider.ts";

export interface RemoteFault {
  readonly reply: ProviderReply;
  readonly deadlines?: Partial<Deadlines>;
  readonly expected: { readonly code: ErrorCode; readonly transient: boolean; readonly counts: boolean };
  /** What was said before it. */
  readonly text?: string;
  readonly retryAfterMs?: number;
}

/** The provider is ill; the same request may succeed in a moment. */
const ILL = { code: "llm_unavailable", transient: true, counts: true } as const;
/** A deadline has passed. */
const LATE = { code: "llm_timeout", transient: true, counts: true } as const;
/** The request was refused, and would be again. */
const REFUSED = { code: "llm_unavailable", transient: false, counts: false } as const;
const FILTERED = { ...REFUSED, code: "llm_rejected" } as const;
const TOO_LONG = { ...REFUSED, code: "llm_context_too_long" } as const;

const JSON_HEADERS = { "content-type": "application/json" };
const SHORT_MS = 60;

function status(code: number, word: string, headers: Readonly<Record<string, string>> = {}): ProviderReply {
  return {
    status: code,
    headers: { ...JSON_HEADERS, ...headers },
    steps: [JSON.stringify(say.errorBody(word))],
  };
}

function said(body: unknown): ProviderReply {
  return { status: 400, headers: JSON_HEADERS, steps: [JSON.stringify(body)] };
}

function stream(...steps: readonly ProviderStep[]): ProviderReply {
  return { steps };
}

/** A sign of life every few milliseconds, for longer than any deadline of these tests. */
const chatter = (event: string): ProviderStep[] =>
  Array.from({ length: 100 }, () => [event, { pauseMs: 5 }]).flat();

export const FAULTS: Readonly<Record<string, RemoteFault>> = {
  "the key is wrong (401)": { reply: status(401, "invalid_api_key"), expected: REFUSED },
  "the key may not do this (403)": { reply: status(403, "forbidden"), expected: REFUSED },
  "the model is unknown (404)": { reply: status(404, "model_not_found"), expected: REFUSED },
  "the request is refused (422)": { reply: status(422, "bad_parameter"), expected: REFUSED },
  "it redirects (307)": {
    reply: { status: 307, headers: { location: "https://elsewhere.example" } },
    expected: REFUSED,
  },
  "it is busy (429)": { reply: status(429, "rate_limit_exceeded"), expected: ILL },
  "it is busy and says for how many seconds": {
    reply: status(429, "rate_limit_exceeded", { "retry-after": "7" }),
    expected: ILL,
    retryAfterMs: 7_000,
  },
  "it is busy and says until when": {
    get reply() {
      return status(429, "x", { "retry-after": new Date(Date.now() + 8_000).toUTCString() });
    },
    expected: ILL,
    retryAfterMs: 8_000,
  },
  "it is busy and says for how many milliseconds": {
    reply: status(429, "x", { "retry-after-ms": "2500", "retry-after": "3" }),
    expected: ILL,
    retryAfterMs: 2_500,
  },
  "the account is empty (429)": {
    reply: status(429, "insufficient_quota"),
    expected: { ...ILL, transient: false },
  },
  "it timed out by its own account (408)": { reply: status(408, "timeout"), expected: ILL },
  "it is in conflict (409)": { reply: status(409, "conflict"), expected: ILL },
  "it is broken (500)": { reply: status(500, "server_error"), expected: ILL },
  "a proxy cannot reach it (502, a page)": {
    reply: {
      status: 502,
      headers: { "content-type": "text/html" },
      steps: ["<html>sk-secret-in-the-body</html>"],
    },
    expected: ILL,
  },
  "it is away (503)": { reply: status(503, "unavailable"), expected: ILL },
  "it is overloaded (529)": { reply: status(529, "overloaded_error"), expected: ILL },
  "a refusal's body never ends": {
    reply: { ...status(500, "x"), ending: "stall" },
    // How long the body is waited for, too: a shorter one may pass before the headers are read.
    deadlines: { headersMs: 1_000 },
    expected: ILL,
  },
  "a refusal's body is endless": {
    reply: { status: 500, steps: Array.from({ length: 4 }, () => "x".repeat(32_768)), ending: "stall" },
    expected: ILL,
  },
  "the content filter refuses the question": { reply: status(400, "content_filter"), expected: FILTERED },
  "Azure's content filter refuses the question": {
    reply: said({
      error: {
        code: "400",
        message: "The response was filtered",
        innererror: { code: "ResponsibleAIPolicyViolation" },
      },
    }),
    expected: FILTERED,
  },
  "the conversation is too long (OpenAI)": {
    reply: status(400, "context_length_exceeded"),
    expected: TOO_LONG,
  },
  "the conversation is too long (vLLM)": {
    reply: said({
      object: "error",
      message: "This model's maximum context length is 4096 tokens.",
      type: "BadRequestError",
      code: 400,
    }),
    expected: TOO_LONG,
  },
  "the conversation is too long (llama-server)": {
    reply: said({
      error: {
        code: 400,
        message: "the request exceeds the available context size",
        type: "exceed_context_size_error",
      },
    }),
    expected: TOO_LONG,
  },
  "it accepts and never answers": {
    reply: { silent: true },
    deadlines: { headersMs: SHORT_MS },
    expected: LATE,
  },
  "headers come and then nothing": {
    reply: { ending: "stall" },
    deadlines: { firstContentMs: SHORT_MS },
    expected: LATE,
  },
  "only a role comes, and keep-alives": {
    reply: stream(say.ROLE, ...chatter(say.KEEP_ALIVE)),
    deadlines: { firstContentMs: SHORT_MS },
    expected: LATE,
  },
  "thoughts stall": {
    reply: { steps: [say.content("<think>"), say.content("hm")], ending: "stall" },
    deadlines: { idleMs: SHORT_MS },
    expected: LATE,
  },
  "it stalls in mid-answer": {
    reply: { steps: [say.content("a")], ending: "stall" },
    deadlines: { idleMs: SHORT_MS },
    expected: LATE,
    text: "a",
  },
  "it stalls in mid-answer behind keep-alives": {
    reply: stream(say.content("a"), ...chatter(say.KEEP_ALIVE)),
    deadlines: { idleMs: SHORT_MS },
    expected: LATE,
    text: "a",
  },
  "thinking takes longer than everything may": {
    reply: stream(...chatter(say.chunk({ delta: { reasoning_content: "hm" } }))),
    deadlines: { totalMs: 2 * SHORT_MS },
    expected: { ...LATE, transient: false },
  },
  "the connection breaks before headers": { reply: { silent: true, ending: "reset" }, expected: ILL },
  "the connection breaks before any text": {
    reply: { steps: [say.ROLE, { pauseMs: 5 }], ending: "reset" },
    expected: ILL,
  },
  "the connection breaks in mid-answer": {
    reply: { steps: [say.content("a"), { pauseMs: 20 }], ending: "reset" },
    expected: ILL,
    text: "a",
  },
  "the stream ends in mid-answer, without a finish reason": {
    reply: stream(say.content("a")),
    expected: ILL,
    text: "a",
  },
  "the stream says [DONE] without a finish reason": {
    reply: stream(say.content("a"), say.DONE),
    expected: ILL,
    text: "a",
  },
  "the stream is empty": { reply: stream(), expected: ILL },
  "the stream has only [DONE]": { reply: stream(say.DONE), expected: ILL },
  "the answer is empty": { reply: stream(say.ROLE, say.STOP, say.DONE), expected: ILL },
  "the answer is nothing but thoughts": {
    reply: stream(say.content("<think>hm"), say.STOP, say.DONE),
    expected: ILL,
  },
  "the tokens are spent before the first word": {
    reply: stream(say.ROLE, say.finish("length"), say.DONE),
    expected: REFUSED,
  },
  "the whole answer was filtered": {
    reply: stream(say.ROLE, say.finish("content_filter"), say.DONE),
    expected: FILTERED,
  },
  "it gives up in mid-answer": {
    reply: stream(say.content("a"), say.finish("insufficient_system_resource")),
    expected: ILL,
    text: "a",
  },
  "an error stands in the stream, before any text": {
    reply: stream(say.event(say.errorBody("server_error"))),
    expected: ILL,
  },
  "an error stands in the stream, in mid-answer": {
    reply: stream(say.content("a"), say.event(say.errorBody("server_error")), say.STOP, say.DONE),
    expected: ILL,
    text: "a",
  },
  "an error with a status stands in the stream": {
    reply: stream(say.event({ error: { code: 401, message: "no" } })),
    expected: REFUSED,
  },
  "a content filter speaks inside the stream": {
    reply: stream(say.event(say.errorBody("content_filter"))),
    expected: FILTERED,
  },
  "an event is not JSON": {
    reply: stream(say.content("a"), 'data: {"choices":[THE-PROMPT\n\n', say.STOP),
    expected: ILL,
    text: "a",
  },
  "an event is no object": { reply: stream(say.event([1]), say.STOP), expected: ILL },
  "the choices are no list": { reply: stream(say.event({ choices: "a" }), say.STOP), expected: ILL },
  "an event never ends": {
    reply: stream(...Array.from({ length: 18 }, () => "data".padEnd(64 * 1024, ":x"))),
    expected: ILL,
  },
  "a page answers with 200": {
    reply: { headers: { "content-type": "text/html" }, steps: ["<html>log in</html>"] },
    expected: ILL,
  },
  "a page calls itself a stream": { reply: stream("<html>\n<p>log in</p>\n\n</html>"), expected: ILL },
  "it answers without streaming": {
    reply: { headers: JSON_HEADERS, steps: [JSON.stringify({ choices: [{ message: { content: "a" } }] })] },
    expected: ILL,
  },
  "the stream is compressed": {
    reply: {
      headers: { "content-type": "text/event-stream", "content-encoding": "gzip" },
      steps: ["\x1f\x8b"],
    },
    expected: { ...ILL, transient: false },
  },
};
