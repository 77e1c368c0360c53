// The part of a conversation that a model sees again.
// Promises: the cut moves in blocks, so that the prompt's beginning stays the same bytes for many turns; an object sees
// only the turns it took part in; replies that no model wrote are marked, so that a model does not imitate them.

import type { StoredMessage } from "#app/models/conversation.ts";
import type { Persona } from "#app/models/persona.ts";
import type { PromptMessage } from "#app/services/llm/client.ts";
import { estimateTokens } from "./token-estimate.ts";

/** The newest finished messages, oldest first. */
export interface HistoryWindow {
  readonly messages: readonly StoredMessage[];
  /** How many older ones the conversation has before them: it anchors the blocks. */
  readonly olderCount: number;
}

const NOT_A_MODEL = "[answered from notes, without a language model] ";

/** The messages that fit, oldest first. */
export function cutHistory(window: HistoryWindow, persona: Persona, budgetTokens: number): PromptMessage[] {
  const most = persona.limits.historyMessages;
  if (most === 0) return [];
  const block = Math.max(2, 2 * Math.floor(most / 4));
  const total = window.olderCount + window.messages.length;
  const firstWanted = total <= most ? 0 : Math.ceil((total - most) / block) * block;
  let start = Math.max(0, firstWanted - window.olderCount);
  let messages = toPrompt(window.messages.slice(start), persona);
  // Over the budget: whole blocks leave, as they do over the count.
  while (messages.length > 0 && sum(messages) > budgetTokens) {
    start += block - ((window.olderCount + start) % block);
    messages = toPrompt(window.messages.slice(start), persona);
  }
  return messages;
}

function toPrompt(messages: readonly StoredMessage[], persona: Persona): PromptMessage[] {
  return heardBy(persona, messages).map((message) => ({
    role: message.role,
    content:
      message.source === "offline" || message.source === "scripted"
        ? NOT_A_MODEL + message.content
        : message.content,
  }));
}

/** For an object, what was said to others does not exist: neither the question nor the answer. */
export function heardBy(persona: Persona, messages: readonly StoredMessage[]): readonly StoredMessage[] {
  if (persona.kind === "persona") return messages;
  const own = new Set(
    messages
      .filter((message) => message.persona?.kind === "object" && message.persona.id === persona.id)
      .map((message) => message.runId),
  );
  return messages.filter((message) => own.has(message.runId));
}

function sum(messages: readonly PromptMessage[]): number {
  return messages.reduce((tokens, message) => tokens + estimateTokens(message.content), 0);
}
