// Finds what a visitor has asked: in the line, or as far back in the history as it takes.

import type { ConversationPage, StoredMessage, Turn } from "#app/models/conversation.ts";
import type { ConversationStore } from "./memory.ts";

/** A message in the history, and what stands behind it, oldest first. */
export interface Question {
  readonly message: StoredMessage;
  readonly followers: readonly string[];
}

/** Which message, and what it says. */
export interface AskedQuestion {
  readonly id: string;
  readonly content: string;
  /** When it was first said so. */
  readonly createdAt: number;
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

/** What the message says by now: in the line, or else in the history; undefined where it is in neither. */
export async function namedQuestion(
  store: ConversationStore,
  conversationId: string,
  messageId: string,
  goOn?: Promise<unknown>,
): Promise<AskedQuestion | undefined> {
  const newest = await store.page(conversationId, { limit: PAGE_LIMIT });
  const inLine = newest.conversation.line.map(askedBy).findLast((asked) => asked?.id === messageId);
  if (inLine) return inLine;
  return (await search(store, conversationId, ({ id }) => id === messageId, { newest, goOn }))?.message;
}

/** What was asked last: what is being answered or is about to be; else the newest question of the history. */
export async function lastQuestion(
  store: ConversationStore,
  conversationId: string,
  goOn?: Promise<unknown>,
): Promise<AskedQuestion | undefined> {
  const newest = await store.page(conversationId, { limit: PAGE_LIMIT });
  const inLine = newest.conversation.line.map(askedBy).find((asked) => asked !== undefined);
  if (inLine) return inLine;
  return (await search(store, conversationId, ({ role }) => role === "user", { newest, goOn }))?.message;
}

function askedBy(turn: Turn): AskedQuestion | undefined {
  if (turn.type === "message") return turn.message;
  return turn.type === "revision"
    ? { id: turn.messageId, content: turn.text, createdAt: turn.createdAt }
    : undefined;
}

/**
 * @param newest the newest page, where it is known: of the same instant as what else was read of it
 * @param goOn awaited before the history is read any further
 */
async function search(
  store: ConversationStore,
  conversationId: string,
  isMeant: (message: StoredMessage) => boolean,
  {
    newest,
    goOn,
  }: {
    readonly newest?: ConversationPage;
    readonly goOn?: Promise<unknown> | undefined;
  } = {},
): Promise<Question | undefined> {
  let followers: string[] = [];
  let page = newest ?? (await store.page(conversationId, { limit: PAGE_LIMIT }));
  for (;;) {
    const index = page.messages.findLastIndex(isMeant);
    followers = [...page.messages.slice(index + 1).map(({ id }) => id), ...followers];
    const message = page.messages[index];
    if (message) return { message, followers };
    const before = page.messages[0]?.id;
    if (page.olderCount === 0 || before === undefined) return undefined;
    await goOn;
    page = await store.page(conversationId, { before, limit: PAGE_LIMIT });
  }
}
