// What must hold for every frame a server ever sends, whatever a test is about.

import assert from "node:assert/strict";
import { EventSchemas } from "@ag-ui/core/schemas";
import type { Frame } from "./socket-client.ts";

/**
 * Every frame is a valid AG-UI event; `seq` grows by exactly 1 between two joins; a run has one start, exactly one
 * end, and nothing between runs that belongs into one; a revision is applied between two runs, never within one; no
 * delta is empty or ends in half a surrogate pair. A question may be answered again, in another run.
 */
export function assertWireInvariants(frames: readonly Frame[]): void {
  let seq: number | undefined;
  let openRun: unknown;
  let openMessage: unknown;
  for (const frame of frames) {
    const parsed = EventSchemas.safeParse(frame);
    assert.ok(parsed.success, `not an AG-UI event: ${JSON.stringify(frame)}: ${parsed.error?.message}`);
    if (frame.name === "joined" || frame.type === "MESSAGES_SNAPSHOT") {
      seq = undefined;
      openRun = undefined;
      openMessage = undefined;
    }
    if (typeof frame.seq !== "number") continue;
    if (seq !== undefined) assert.equal(frame.seq, seq + 1, `seq ${frame.seq} came after ${seq}`);
    seq = frame.seq;
    if (frame.type === "RUN_STARTED") {
      assert.equal(openRun, undefined, "a run started inside another");
      openRun = frame.runId;
    }
    if (frame.name === "conversation.edited") assert.equal(openRun, undefined, "a revision within a run");
    if (frame.type === "TEXT_MESSAGE_START") openMessage = frame.messageId;
    if (frame.type === "TEXT_MESSAGE_CONTENT") assertDelta(frame.delta);
    if (frame.type === "TEXT_MESSAGE_END") openMessage = undefined;
    if (frame.type === "RUN_FINISHED" || frame.type === "RUN_ERROR") {
      assert.equal(openMessage, undefined, "a run ended with an open message");
      if (openRun !== undefined) assert.equal(frame.runId, openRun);
      openRun = undefined;
    }
  }
}

function assertDelta(delta: unknown): void {
  assert.ok(typeof delta === "string" && delta !== "", "an empty delta");
  assert.ok(delta.isWellFormed(), `half a surrogate pair: ${JSON.stringify(delta)}`);
}

/** The text of a reply as its deltas bring it. */
export function joinDeltas(frames: readonly Frame[], messageId?: unknown): string {
  return frames
    .filter((frame) => frame.type === "TEXT_MESSAGE_CONTENT")
    .filter((frame) => messageId === undefined || frame.messageId === messageId)
    .map((frame) => frame.delta)
    .join("");
}
