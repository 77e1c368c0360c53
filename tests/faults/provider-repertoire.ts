// What can be wrong with a provider, one script a fault, and what the visitor shall see of it under the product's own
// deadlines and retries: three attempts, 15 s for headers, 20 s to the first word, 30 s between two.

import { say } from "../support/provider-chunks.ts";
import type { ProviderReply, ProviderStep } from "../support/scriptable-provider.ts";
import { BEGUN, cut, fromNotes, refused, SPOKEN, spoken } from "./seen-answers.ts";
import type { SeenAnswer } from "./watched-run.ts";

export interface ProviderCase {
  readonly fault: string;
  /** At each attempt; the last one stays. */
  readonly replies: readonly [ProviderReply, ...ProviderReply[]];
  readonly seen: SeenAnswer;
  readonly attempts: number;
  /** On a kept connection it looks as if the provider had closed that: each attempt may be sent again on a new one. */
  readonly mayBeResent?: true;
  /** When the reader has heard the end, in seconds: from, and to, on a loaded machine. */
  readonly withinS: readonly [number, number];
}

const JSON_HEADERS = { "content-type": "application/json" };
const AWAY = fromNotes("llm_unavailable");
const SILENT = fromNotes("llm_timeout");
const AT_ONCE = [0, 3] as const;
/** Two pauses of 1 s and 2 s, give or take a quarter. */
const AFTER_RETRIES = [2.2, 7] as const;

const ANSWER: ProviderReply = { steps: say.answer(SPOKEN) };
const stream = (...steps: readonly ProviderStep[]): ProviderReply => ({ steps });
const error = (
  status: number,
  word: string,
  headers: Readonly<Record<string, string>> = {},
): ProviderReply => ({
  status,
  headers: { ...JSON_HEADERS, ...headers },
  steps: [JSON.stringify(say.errorBody(word))],
});
const chatter = (event: string): ProviderStep[] =>
  Array.from({ length: 100 }, () => [event, { pauseMs: 400 }]).flat();
/** The words get out before the fault. */
const BEGIN: readonly ProviderStep[] = [say.ROLE, say.content(BEGUN), { pauseMs: 50 }];

function once(fault: string, reply: ProviderReply, seen: SeenAnswer): ProviderCase {
  return { fault, replies: [reply], seen, attempts: 1, withinS: AT_ONCE };
}

function thrice(fault: string, reply: ProviderReply): ProviderCase {
  return { fault, replies: [reply], seen: AWAY, attempts: 3, withinS: AFTER_RETRIES };
}

const REFUSALS: readonly ProviderCase[] = [
  once("400 bad request", error(400, "bad_parameter"), AWAY),
  once("401 wrong key", error(401, "invalid_api_key"), AWAY),
  once("403 forbidden", error(403, "forbidden"), AWAY),
  once("404 no such model", error(404, "model_not_found"), AWAY),
  thrice("408 timeout", error(408, "timeout")),
  thrice("409 conflict", error(409, "conflict")),
  thrice("429 busy", error(429, "rate_limit_exceeded")),
  once("429, come back in 30 s", error(429, "rate_limit_exceeded", { "retry-after": "30" }), AWAY),
  once("429, the account is empty", error(429, "insufficient_quota"), AWAY),
  {
    fault: "429, come back in 3 s, then well",
    replies: [error(429, "rate_limit_exceeded", { "retry-after": "3" }), ANSWER],
    seen: spoken(),
    attempts: 2,
    withinS: [3, 8],
  },
  thrice("500 broken", error(500, "server_error")),
  thrice("503 away", error(503, "unavailable")),
  {
    fault: "503 once, then well",
    replies: [error(503, "x"), ANSWER],
    seen: spoken(),
    attempts: 2,
    withinS: [0.7, 5],
  },
  thrice("529 overloaded", error(529, "overloaded_error")),
  once("400 content filter", error(400, "content_filter"), refused("llm_rejected")),
  once("400 context overflow", error(400, "context_length_exceeded"), refused("llm_context_too_long")),
];

const BEFORE_WORDS: readonly ProviderCase[] = [
  { ...thrice("reset before headers", { silent: true, ending: "reset" }), mayBeResent: true },
  thrice("a page instead of a stream", {
    headers: { "content-type": "text/html" },
    steps: ["<html>THE-PROMPT"],
  }),
  thrice("malformed body", stream(say.ROLE, 'data: {"choices":[THE-PROMPT\n\n')),
  thrice(
    "error inside a 200 stream, before words",
    stream(say.ROLE, say.event(say.errorBody("server_error"))),
  ),
  thrice("empty stream, clean end", stream()),
  thrice("empty answer", stream(say.ROLE, say.STOP, say.DONE)),
  // 15 s, a pause, and what is left of 20 s.
  { fault: "headers never", replies: [{ silent: true }], seen: SILENT, attempts: 2, withinS: [19, 26] },
  {
    fault: "headers, then nothing",
    replies: [{ ending: "stall" }],
    seen: SILENT,
    attempts: 1,
    withinS: [19, 26],
  },
  {
    fault: "keep-alives only, no content",
    replies: [stream(say.ROLE, ...chatter(say.KEEP_ALIVE))],
    seen: SILENT,
    attempts: 1,
    withinS: [19, 26],
  },
];

const AFTER_WORDS: readonly ProviderCase[] = [
  once("reset in mid-stream", { steps: BEGIN, ending: "reset" }, cut("llm_unavailable")),
  once("clean end without finish_reason", stream(...BEGIN), cut("llm_unavailable")),
  once("[DONE] without finish_reason", stream(...BEGIN, say.DONE), cut("llm_unavailable")),
  once(
    "malformed event in mid-stream",
    stream(...BEGIN, "data: {THE-PROMPT\n\n", say.STOP),
    cut("llm_unavailable"),
  ),
  once(
    "error inside a 200 stream, after words",
    stream(...BEGIN, say.event(say.errorBody("server_error")), say.STOP, say.DONE),
    cut("llm_unavailable"),
  ),
  {
    ...once("stall in mid-stream", { steps: BEGIN, ending: "stall" }, cut("llm_timeout")),
    withinS: [29, 38],
  },
  {
    ...once("stall behind keep-alives", stream(...BEGIN, ...chatter(say.KEEP_ALIVE)), cut("llm_timeout")),
    withinS: [29, 38],
  },
  once(
    "finish_reason length",
    stream(say.content(BEGUN), say.finish("length"), say.DONE),
    spoken(BEGUN, "length"),
  ),
  once(
    "finish_reason content_filter, after words",
    stream(say.content(BEGUN), say.finish("content_filter"), say.DONE),
    spoken(BEGUN, "content_filter"),
  ),
];

const NO_FAULTS: readonly ProviderCase[] = [
  once("none", ANSWER, spoken()),
  once(
    "emoji cut into its halves",
    stream(
      say.ROLE,
      ...["It ", "\ud83d", "\ude00", " is."].flatMap((text) => [say.content(text), { pauseMs: 60 }]),
      say.STOP,
      say.DONE,
    ),
    spoken("It 😀 is."),
  ),
  {
    ...once(
      "slow trickle, a word in 500 ms",
      stream(
        ...Array.from({ length: 12 }, (_, index) => [say.content(`w${index} `), { pauseMs: 500 }]).flat(),
        say.STOP,
      ),
      spoken(Array.from({ length: 12 }, (_, index) => `w${index} `).join("")),
    ),
    withinS: [5.5, 12],
  },
];

/** In the order of the table. */
export const PROVIDER_CASES: readonly ProviderCase[] = [
  ...NO_FAULTS,
  ...REFUSALS,
  ...BEFORE_WORDS,
  ...AFTER_WORDS,
];
