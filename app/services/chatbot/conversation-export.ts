// All of a conversation as one JSON text, piece by piece: however long it is, a page of it is in memory at a time.
// Promises: what can be refused is refused before the first piece; every message that stood in it at the beginning, once,
// oldest first. One that is revised meanwhile breaks off: half of two histories is none.

import type { ConversationPage } from "#app/models/conversation.ts";
import type { Conversations } from "./conversations.ts";
import { showLine, showMessage } from "./message-view.ts";

const PAGE_MESSAGES = 100;

/** @throws AppError `conversation_not_found`, `storage_unavailable`; what comes later ends the pieces */
export async function exportConversation(
  conversations: Conversations,
  { id, resumeToken }: { readonly id: string; readonly resumeToken: string },
): Promise<AsyncIterable<string>> {
  const read = (before?: string): Promise<ConversationPage> =>
    conversations.read(id, resumeToken, { before, limit: PAGE_MESSAGES });
  // Pages are counted from their end, and messages come from their beginning: first to find where each page ends. The
  // newest one is kept, since others may join it; no older one changes, unless the history itself does.
  const newest = await read();
  const ends: string[] = [];
  for (let page = newest; page.olderCount > 0; ) {
    const [first] = page.messages;
    if (!first) break;
    ends.push(first.id);
    page = await read(first.id);
  }
  return pieces(conversations, newest, ends.reverse(), read);
}

async function* pieces(
  conversations: Conversations,
  newest: ConversationPage,
  ends: readonly string[],
  read: (before: string) => Promise<ConversationPage>,
): AsyncGenerator<string> {
  const { conversation } = newest;
  const { id, kind, name } = conversations.personaOf(conversation);
  const head = JSON.stringify({
    conversationId: conversation.id,
    createdAt: conversation.createdAt,
    persona: { id, kind, name },
    storage: conversations.storageKindOf(conversation.id),
  });
  yield `${head.slice(0, -1)},"messages":[`;
  let isFirst = true;
  const toPiece = (messages: readonly unknown[]): string => {
    const separator = isFirst || messages.length === 0 ? "" : ",";
    isFirst &&= messages.length === 0;
    return separator + messages.map((message) => JSON.stringify(message)).join(",");
  };
  for (const end of ends) yield toPiece((await read(end)).messages.map(showMessage));
  yield toPiece([...newest.messages.map(showMessage), ...showLine(conversation)]);
  yield "]}";
}
