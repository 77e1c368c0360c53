// The model that is no model: it says what the persona's authors wrote, word for word, and needs no network.
// An authored line for an intent, else the excerpt of a passage that covers the question, else the fallback with questions
// worth asking. It never searches, never paraphrases, and says nothing that is not in the request.

import { setTimeout as delay } from "node:timers/promises";
import type { ChatModelClient, ChatModelReply, ChatModelRequest } from "./client.ts";

export interface OfflineOptions {
  /** Pace of the stream; Infinity says everything without a pause. */
  readonly wordsPerSecond?: number;
}

/** More than half of the question's content terms: raw scores cannot be compared between indexes, shares can. */
const SPEAKING_COVERAGE = 0.5;
const DEFAULT_WORDS_PER_SECOND = 60;
/** A text without spaces is cut as well, so that it streams and can be stopped. */
const MAX_STEP_GRAPHEMES = 24;
const GRAPHEMES = new Intl.Segmenter("und", { granularity: "grapheme" });

export interface OfflineClient extends ChatModelClient {
  /** Whose words a request will get: the persona's own text, or an authored line. */
  sourceOf(request: ChatModelRequest): ReplySourceOffline;
}

/** The offline provider. Rejects with nothing but the signal's reason. */
export function createOfflineClient(options: OfflineOptions = {}): OfflineClient {
  const stepMs = 1000 / (options.wordsPerSecond ?? DEFAULT_WORDS_PER_SECOND);
  return {
    provider: "offline",
    sourceOf: (request) => compose(request).source,
    async stream(request, onDelta, signal) {
      signal.throwIfAborted();
      const { text, source } = compose(request);
      request.onSource?.({ source });
      await speak(toSteps(text), stepMs, onDelta, signal);
      return { source, finishReason: "stop" };
    },
  };
}

function compose({ lines, passages }: ChatModelRequest): { text: string; source: ReplySourceOffline } {
  if (lines.intent !== undefined) return { text: lines.intent, source: "scripted" };
  const passage = passages.find(({ coverage, excerpt }) => coverage > SPEAKING_COVERAGE && excerpt !== "");
  if (passage !== undefined) return { text: passage.excerpt, source: "offline" };
  const offered = lines.suggestions.map((question) => `- ${question}`);
  return { text: [lines.fallback, ...offered].join("\n"), source: "scripted" };
}

type ReplySourceOffline = Extract<ChatModelReply["source"], "offline" | "scripted">;

async function speak(
  steps: readonly string[],
  stepMs: number,
  onDelta: (delta: string) => void,
  signal: AbortSignal,
): Promise<void> {
  for (const [at, step] of steps.entries()) {
    if (at > 0 && stepMs > 0) await pause(stepMs, signal);
    // Also when the receiver of the last delta was the one who stopped it.
    signal.throwIfAborted();
    onDelta(step);
  }
  signal.throwIfAborted();
}

/** The timer rejects with an AbortError of its own; callers are promised the signal's reason. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

/** Words with the space after them; joined they are the text, and no grapheme is cut. */
function toSteps(text: string): string[] {
  const steps: string[] = [];
  let open = "";
  let graphemes = 0;
  let endsInSpace = false;
  for (const { segment } of GRAPHEMES.segment(text.toWellFormed())) {
    const isSpace = /^\s+$/.test(segment);
    if (open !== "" && ((endsInSpace && !isSpace) || graphemes >= MAX_STEP_GRAPHEMES)) {
      steps.push(open);
      open = "";
      graphemes = 0;
    }
    open += segment;
    graphemes += 1;
    endsInSpace = isSpace;
  }
  return open === "" ? steps : [...steps, open];
}
