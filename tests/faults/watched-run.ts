// One question over a WebSocket, and what its reader saw of the answer, with the times at which it was seen.
// Promises: the frames keep the wire's invariants, hold exactly one end of the run, and no secret, stack or prompt.

import assert from "node:assert/strict";
import { z } from "zod";
import { isTerminal, Talk } from "../support/conversation.ts";
import { type Frame, openSocket } from "../support/socket-client.ts";
import { assertWireInvariants } from "../support/wire-invariants.ts";

/** Longer than the longest deadline of a run that tests wait for. */
const PATIENCE_MS = 60_000;
/** What the scripted providers put into everything that nobody may see. */
const SECRETS = /sk-secret|sk-test|THE-PROMPT|node_modules|file:\/\//;

const endSchema = z.object({
  source: z.string(),
  reason: z.string().optional(),
  partial: z.literal(true).optional(),
  finishReason: z.string().optional(),
});

/** What an answer was, without its times. */
export interface SeenAnswer {
  readonly text: string;
  /** `success`, `cancelled`, or the code of RUN_ERROR. */
  readonly outcome: string;
  /** Whose words, why not the model's, and whether they broke off: absent where there were no words. */
  readonly source?: string | undefined;
  readonly reason?: string | undefined;
  readonly partial?: true | undefined;
  readonly finishReason?: string | undefined;
}

export interface WatchedRun {
  readonly conversationId: string;
  readonly seen: SeenAnswer;
  /** performance.now() */
  readonly askedAt: number;
  /** Milliseconds since it was asked; undefined where no word came. */
  readonly firstTextMs: number | undefined;
  readonly totalMs: number;
  /** The longest time without a word, between the first and the end. */
  readonly longestPauseMs: number;
}

export interface WatchOptions {
  /** Called at the first word. */
  readonly onText?: () => void;
  /** When its visitor stops it: at its first word, or then. */
  readonly stop?: "at-text" | Promise<void>;
}

export async function watchRun(
  socketUrl: string,
  question: string,
  { onText, stop }: WatchOptions = {},
): Promise<WatchedRun> {
  const talk = new Talk(await openSocket(socketUrl));
  const { client } = talk;
  const { conversationId } = await talk.join();
  const askedAt = performance.now();
  const { runId } = await talk.say(question);
  if (stop instanceof Promise) void stop.then(() => client.send({ type: "stop", runId }));
  const textAt: number[] = [];
  for (;;) {
    const frame = await client.next(undefined, PATIENCE_MS);
    if (frame.type === "TEXT_MESSAGE_CONTENT") {
      if (textAt.push(performance.now()) > 1) continue;
      onText?.();
      if (stop === "at-text") client.send({ type: "stop", runId });
    } else if (isTerminal(frame)) break;
  }
  const endedAt = performance.now();
  // What would come after the end has come before the answer to this.
  await talk.caughtUp();
  client.terminate();
  assertWireInvariants(client.frames);
  const said = JSON.stringify(client.frames);
  assert.doesNotMatch(said, SECRETS);
  const [firstAt] = textAt;
  const pauses = [...textAt.slice(1), endedAt].map((at, index) => at - (textAt[index] ?? at));
  return {
    conversationId,
    seen: toSeen(client.frames),
    askedAt,
    firstTextMs: firstAt === undefined ? undefined : Math.round(firstAt - askedAt),
    totalMs: Math.round(endedAt - askedAt),
    longestPauseMs: Math.round(Math.max(...pauses)),
  };
}

function toSeen(frames: readonly Frame[]): SeenAnswer {
  const ends = frames.filter(isTerminal);
  assert.equal(ends.length, 1, "exactly one end");
  const [end] = ends;
  const closings = frames.filter(({ type }) => type === "TEXT_MESSAGE_END");
  assert.ok(closings.length <= 1, "one text in one run: nothing is glued together");
  const text = frames
    .filter(({ type }) => type === "TEXT_MESSAGE_CONTENT")
    .map(({ delta }) => delta)
    .join("");
  assert.equal(closings.length, text === "" ? 0 : 1);
  const outcome = z.object({ type: z.string() }).safeParse(end?.outcome);
  const [closing] = closings;
  return {
    text,
    outcome: outcome.data?.type ?? z.string().parse(end?.code),
    ...(closing && endSchema.parse(closing.metadata)),
  };
}

/** A line of a table: what a reader saw, and after how long. */
export function describeRun({ seen, firstTextMs, totalMs, longestPauseMs }: WatchedRun): string {
  const { text, outcome, source, reason, partial, finishReason } = seen;
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
  const whose = [source, reason, partial && "cut", finishReason !== "stop" && finishReason].filter(Boolean);
  const words =
    text === ""
      ? "no words"
      : `${JSON.stringify(text.length > 45 ? `${text.slice(0, 44)}…` : text)} (${whose.join(", ")}) after ${seconds(firstTextMs ?? 0)}`;
  const wait = longestPauseMs > 1_000 ? `, longest pause ${seconds(longestPauseMs)}` : "";
  return `${words}, ${outcome === "success" ? "whole" : `RUN_ERROR ${outcome}`} after ${seconds(totalMs)}${wait}`;
}
