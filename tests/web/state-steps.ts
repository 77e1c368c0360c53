// Moves a state on by actions, or by events that are numbered on the way.

import assert from "node:assert/strict";
import type { ConversationEvent } from "#app/models/server-event.ts";
import { type ConversationAction, INITIAL_STATE, reduceConversation } from "#app/web/conversation-state.ts";
import type { ConnectionFrame } from "#app/web/server-frame.ts";
import type { ChatMessage, ConversationState } from "#app/web/transcript.ts";
import { ADA } from "./shown-personas.ts";

export const connection = (frame: ConnectionFrame): ConversationAction => ({
  type: "frame",
  frame: { kind: "connection", ...frame },
});
export const joined = (
  more: { new?: boolean; epoch?: string; recovered?: boolean } = {},
): ConversationAction =>
  connection({
    name: "joined",
    value: {
      conversationId: "c",
      epoch: "e1",
      lastSeq: 0,
      persona: ADA,
      new: true,
      storage: "memory",
      ...more,
    },
  });
export function run(state: ConversationState, ...actions: readonly ConversationAction[]): ConversationState {
  return actions.reduce(reduceConversation, state);
}

/** Numbers the events from the state's next number on and applies them. */
export function live(state: ConversationState, ...events: readonly ConversationEvent[]): ConversationState {
  return run(
    state,
    ...events.map(
      (event, index): ConversationAction => ({
        type: "frame",
        frame: { kind: "event", seq: state.seq + 1 + index, event },
      }),
    ),
  );
}

export function messageAt(state: ConversationState, index: number): ChatMessage {
  const item = state.messages.at(index);
  assert.equal(item?.type, "message");
  return item;
}

export const NEW = run(INITIAL_STATE, joined());
