// A language model that says what a test tells it to: a script of steps for each call, every call recorded.
// Not a mock of ours: a ChatModelClient in its own right, handed to the app as the real ones are.

import type { ChatModelClient, ChatModelReply, ChatModelRequest } from "#app/services/llm/client.ts";

/** A piece of text; or a pause until the test lets it go on; or a failure. */
export type ScriptStep = string | { readonly until: Promise<unknown> } | { readonly fail: Error };

export interface ScriptedModel extends ChatModelClient {
  /** What it was asked, in order. */
  readonly calls: ChatModelRequest[];
  /** The next call's steps; without any left, it says "ok". */
  script(...steps: readonly ScriptStep[]): void;
  /** How many calls are under way. */
  readonly active: number;
}

export function createScriptedModel(finish: Partial<ChatModelReply> = {}): ScriptedModel {
  const scripts: (readonly ScriptStep[])[] = [];
  const calls: ChatModelRequest[] = [];
  let active = 0;
  return {
    provider: "scripted",
    calls,
    get active() {
      return active;
    },
    script: (...steps) => void scripts.push(steps),
    async stream(request, onDelta, signal) {
      calls.push(request);
      active += 1;
      try {
        await play(scripts.shift() ?? ["ok"], onDelta, signal);
      } finally {
        active -= 1;
      }
      const usage = { model: "scripted", inputTokens: request.messages.length, outputTokens: 1 };
      return { source: "model", finishReason: "stop", usage, ...finish };
    },
  };
}

async function play(
  steps: readonly ScriptStep[],
  onDelta: (delta: string) => void,
  signal: AbortSignal,
): Promise<void> {
  for (const step of steps) {
    signal.throwIfAborted();
    if (typeof step === "string") onDelta(step);
    else if ("fail" in step) throw step.fail;
    else await Promise.race([step.until, aborted(signal)]);
    // Every step in a turn of its own, as a network would bring them.
    await new Promise((resolve) => setImmediate(resolve));
  }
  signal.throwIfAborted();
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
