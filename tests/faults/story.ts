// What one tab has read of a conversation, over all its connections, as one row of events.
// Promises: throws at the event that breaks the row: a gap, a repeat, a word after its run's end, a second end.

import assert from "node:assert/strict";
import { z } from "zod";
import { isTerminal } from "../support/conversation.ts";
import type { Frame } from "../support/socket-client.ts";

export interface RunStory {
  readonly runId: string;
  readonly parentRunId: string | undefined;
  /** The user's message that it answers. */
  readonly messageId: string;
  readonly startedAt: number;
  text: string;
  /** `success`, `cancelled`, or the code of RUN_ERROR; undefined while it is open. */
  outcome: string | undefined;
  endedAt: number;
}

const startSchema = z.object({
  runId: z.string(),
  parentRunId: z.string().optional(),
  timestamp: z.number(),
  input: z.object({ messages: z.tuple([z.object({ id: z.string() })]) }),
});
const endSchema = z.object({
  timestamp: z.number(),
  code: z.string().optional(),
  outcome: z.object({ type: z.string() }).optional(),
});

export class Story {
  readonly events: Frame[] = [];
  readonly runs: RunStory[] = [];
  /** Replies that left the history again. */
  readonly removed: unknown[] = [];
  #openReply: unknown;

  /** Number of the newest event. */
  get position(): number {
    return this.events.length;
  }

  runsOf(messageId: string): readonly RunStory[] {
    return this.runs.filter((run) => run.messageId === messageId);
  }

  /** Whether the message was answered, or given up. */
  isSettled(messageId: string): boolean {
    const outcome = this.runsOf(messageId).at(-1)?.outcome;
    return outcome !== undefined && outcome !== "run_interrupted";
  }

  add(frame: Frame): void {
    assert.equal(frame.seq, this.position + 1, `after ${this.position} came ${JSON.stringify(frame)}`);
    this.events.push(frame);
    const open = this.runs.at(-1);
    if (frame.type === "RUN_STARTED") {
      assert.ok(!open || open.outcome !== undefined, "a run started inside another");
      this.runs.push(begin(frame));
    } else if (frame.type.startsWith("TEXT_MESSAGE_")) this.#say(frame, open);
    else if (isTerminal(frame)) this.#end(frame, open);
    else if (frame.name === "conversation.edited") this.removed.push(...Object(frame.value).removed);
  }

  #say(frame: Frame, open: RunStory | undefined): void {
    assert.ok(open && open.outcome === undefined, `outside a run: ${JSON.stringify(frame)}`);
    if (frame.type === "TEXT_MESSAGE_START") {
      assert.equal(this.#openReply, undefined, "a second reply in one run");
      this.#openReply = frame.messageId;
    }
    assert.equal(frame.messageId, this.#openReply, "a word of a reply that is not open");
    if (frame.type === "TEXT_MESSAGE_CONTENT") open.text += String(frame.delta);
    if (frame.type === "TEXT_MESSAGE_END") this.#openReply = undefined;
  }

  #end(frame: Frame, open: RunStory | undefined): void {
    assert.ok(open && open.outcome === undefined, `a second end: ${JSON.stringify(frame)}`);
    assert.equal(frame.runId, open.runId, "another run's end");
    assert.equal(this.#openReply, undefined, "the run's reply is still open");
    const { timestamp, code, outcome } = endSchema.parse(frame);
    open.outcome = outcome?.type ?? code ?? "none";
    open.endedAt = timestamp;
  }
}

function begin(frame: Frame): RunStory {
  const { runId, parentRunId, timestamp, input } = startSchema.parse(frame);
  const messageId = input.messages[0].id;
  return {
    runId,
    parentRunId,
    messageId,
    startedAt: timestamp,
    text: "",
    outcome: undefined,
    endedAt: 0,
  };
}
