// What is there of the answer that is being made. A reply ends a frame before its run does: between the two there is
// a run, and nothing left to wait for or to stop.

import type { ChatMessage, ConversationState } from "#app/web/transcript.ts";

/** The reply of the run that goes on, from its first word until the run ends. */
export function replyOfRun({ run, messages }: ConversationState): ChatMessage | undefined {
  // Found first where there is no reply yet: the run's question, which stands before it.
  const last = run && messages.findLast((item) => item.type === "message" && item.runId === run.runId);
  return last?.type === "message" && last.role === "assistant" ? last : undefined;
}

/** Whether anything is still to come that the visitor may not want. */
export function canBeStopped(state: ConversationState): boolean {
  const reply = replyOfRun(state);
  return state.run !== undefined && (reply === undefined || reply.state === "streaming");
}
