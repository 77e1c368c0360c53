// Finds what a visitor has asked: in the line, or as far back in the history as it takes.

import type { ConversationPage, StoredMessage } from "#app/models/conversation.ts";
import type { ConversationStore } from "./memory.ts";

/** A message in the history, and what stands behind it, oldest first. */
export interface Question {
  readonly message: StoredMessage;
  readonly followers: readonly string[];
}

const PAGE_LIMIT = 100;

/** Undefined where the history does not hold it. @throws AppError of the storage */
export function findQuestion(
  store: ConversationStore,
  conversationId: string,
  messageId: string,
): Promise<Question | undefined> {
  return search(store, conversationId, ({ id }) => id === messageId);
}

/** What was asked last: what is being answered or is about to be; else the newest question of the history. */
export async function lastQuestion(
  store: ConversationStore,
  conversationId: string,
): Promise<{ readonly id: string; readonly content: string } | undefined> {
  const { line } = (await store.page(conversationId, { limit: 0 })).conversation;
  for (const turn of line) {
    if (turn.type === "message") return turn.message;
    if (turn.type === "revision") return { id: turn.messageId, content: turn.text };
  }
  return (await search(store, conversationId, ({ role }) => role === "user"))?.message;
}

async function search(
  store: ConversationStore,
  conversationId: string,
  isMeant: (message: StoredMessage) => boolean,
): Promise<Question | undefined> {
  let followers: string[] = [];
  for (let before: string | undefined; ; ) {
    const page: ConversationPage = await store.page(conversationId, { before, limit: PAGE_LIMIT });
    const index = page.messages.findLastIndex(isMeant);
    followers = [...page.messages.slice(index + 1).map(({ id }) => id), ...followers];
    const message = page.messages[index];
    if (message) return { message, followers };
    before = page.messages[0]?.id;
    if (page.olderCount === 0 || before === undefined) return undefined;
  }
}
