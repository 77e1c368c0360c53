// What a page is told of a conversation, read from two of its states, one after the other. Pure: knows no element.

import { defined } from "#app/web/defined.ts";
import type { ChatMessage, ConversationState, Problem, TranscriptItem } from "#app/web/transcript.ts";
import { replyOfRun } from "./present-run.ts";

export type WidgetEvent =
  /** The visitor has said something in this widget. */
  | { readonly type: "message"; readonly detail: { readonly id: string; readonly text: string } }
  /** A reply has come to its end, and its run with it; `state` is `done`, `stopped` or `interrupted`. */
  | {
      readonly type: "reply";
      readonly detail: Pick<ChatMessage, "id" | "text" | "state" | "source" | "speaker">;
    }
  | { readonly type: "error"; readonly detail: Problem };

export function toWidgetEvents(before: ConversationState, after: ConversationState): WidgetEvent[] {
  return [...messagesSaid(before, after), ...repliesEnded(before, after), ...problemsMet(before, after)];
}

function messagesSaid(before: ConversationState, after: ConversationState): WidgetEvent[] {
  if (before.unsent === after.unsent || after.past !== before.past) return [];
  const known = new Set([...before.unsent, ...before.waiting].map(({ id }) => id));
  return after.unsent
    .filter(({ id }) => !known.has(id))
    .map(({ id, text }) => ({ type: "message", detail: { id, text } }));
}

function repliesEnded(before: ConversationState, after: ConversationState): WidgetEvent[] {
  const open = replyOfRun(before) ?? before.messages.findLast(isStreaming);
  if (!open) return [];
  const reply = after.messages.findLast(({ id }) => id === open.id);
  // Only the end of its run says by what a reply was cut: by the visitor, or by a fault.
  if (reply?.type !== "message" || isStreaming(reply) || reply === replyOfRun(after)) return [];
  const { id, text, state, source, speaker } = reply;
  return [{ type: "reply", detail: defined({ id, text, state, source, speaker }) }];
}

function isStreaming(item: TranscriptItem): boolean {
  return item.type === "message" && item.state === "streaming";
}

function problemsMet(before: ConversationState, after: ConversationState): WidgetEvent[] {
  const problems: Problem[] = [];
  if (after.problem && after.problem !== before.problem) problems.push(after.problem);
  if (after.link.status === "stopped" && before.link.status !== "stopped") {
    problems.push({ code: after.link.code, message: "" });
  }
  const last = after.messages.findLast((item) => item.type === "message");
  if (last?.problem) {
    const known = before.messages.findLast(({ id }) => id === last.id);
    if (known?.type !== "message" || known.problem !== last.problem) problems.push(last.problem);
  }
  return problems.map((problem) => ({ type: "error", detail: problem }));
}
