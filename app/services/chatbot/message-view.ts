// Stored messages as clients see them.

import type { Conversation, ConversationPage, StoredMessage } from "#app/models/conversation.ts";
import type { ShownMessage } from "#app/models/server-event.ts";

/** A finished message; `metadata` holds what stands beside its text. */
export function showMessage(message: StoredMessage): ShownMessage {
  const { createdAt, runId, persona, source, revision, partial, feedback } = message;
  return {
    id: message.id,
    role: message.role,
    content: message.content,
    metadata: {
      createdAt,
      runId,
      ...(persona && { persona }),
      ...(source !== undefined && { source }),
      ...(revision !== undefined && { revision }),
      ...(partial && { partial }),
      ...(feedback && { feedback }),
    },
  };
}

/** The finished messages and those that wait in line; what is being answered is replayed from the log instead. */
export function snapshotOf(page: ConversationPage): ShownMessage[] {
  const { line, runningId } = page.conversation;
  const waiting = line.flatMap((turn) =>
    turn.type === "message" && turn.runId !== runningId ? [showWaiting(turn.message)] : [],
  );
  return [...page.messages.map(showMessage), ...waiting];
}

/** Everything that was said and has no finished reply yet, the one that is being answered included. */
export function showLine({ line }: Conversation): ShownMessage[] {
  return line.flatMap((turn) => (turn.type === "message" ? [showWaiting(turn.message)] : []));
}

function showWaiting(message: StoredMessage): ShownMessage {
  const shown = showMessage(message);
  return { ...shown, metadata: { ...shown.metadata, waiting: true } };
}
