// The conversation store of the in-memory bundle. Every method does its work before it first yields, so that it is
// atomic without a lock. What comes in is copied and frozen: nobody outside holds a piece of what is kept.

import { AppError } from "#app/core/errors.ts";
import { deepFreeze } from "#app/core/frozen-value.ts";
import type {
  Amendment,
  Conversation,
  ConversationChange,
  ConversationPage,
  MessageTurn,
  NewConversation,
  PersonaTurn,
  StoredMessage,
  Turn,
} from "#app/models/conversation.ts";
import {
  acceptRevision,
  applyRevision,
  assertRoomInLine,
  feedbackSizeOf,
  sizeOf,
  standingOf,
} from "./local-revision.ts";
import type { LocalRecord, LocalStorage, StoredConversation } from "./local-storage.ts";
import type { Acceptance, Cancellation, ConversationStore } from "./memory.ts";
import type { Lease } from "./run-lease.ts";

export class LocalConversationStore implements ConversationStore {
  readonly #storage: LocalStorage;

  constructor(storage: LocalStorage) {
    this.#storage = storage;
  }

  async create(conversation: NewConversation): Promise<{ conversation: Conversation; created: boolean }> {
    const record = this.#storage.find(conversation.id) ?? this.#storage.add(conversation.id);
    const known = record.conversation;
    if (known && known.meta.tokenHash !== conversation.tokenHash)
      throw new AppError("conversation_not_found");
    if (known) return { conversation: toConversation(known), created: false };
    record.conversation = {
      meta: keep(conversation),
      seq: 0,
      line: [],
      runningId: undefined,
      messages: [],
      accepted: new Map(),
      edits: new Map(),
    };
    return { conversation: toConversation(record.conversation), created: true };
  }

  async accept(conversationId: string, turn: Turn): Promise<Acceptance> {
    const { record, stored } = this.#find(conversationId);
    const reserve = (bytes: number): void => this.#storage.reserve(conversationId, record, bytes);
    switch (turn.type) {
      case "persona":
        return acceptPersona(stored, keep(turn));
      case "revision":
        return acceptRevision(stored, keep(turn), reserve);
      case "message":
        return acceptMessage(stored, keep(turn), reserve);
      default:
        return turn satisfies never;
    }
  }

  async cancel(
    conversationId: string,
    runId: string | undefined,
    scope: "all" | "running",
  ): Promise<Cancellation> {
    const { stored } = this.#find(conversationId);
    const found: string[] = [];
    stored.line = stored.line.map((turn) => {
      const meant =
        turn.type !== "persona" &&
        !turn.cancelled &&
        (runId === undefined ? scope === "all" || turn.runId === stored.runningId : turn.runId === runId);
      if (!meant) return turn;
      found.push(turn.runId);
      return deepFreeze({ ...turn, cancelled: true });
    });
    return {
      running: found.find((id) => id === stored.runningId),
      waiting: found.filter((id) => id !== stored.runningId),
    };
  }

  async record(lease: Lease, change: ConversationChange): Promise<void> {
    const { record, stored } = this.#find(lease.conversationId);
    if (record.lease?.generation !== lease.generation) throw new AppError("run_interrupted");
    switch (change.type) {
      case "run-started":
        return startRun(stored, change.runId);
      case "run-finished": {
        const grown = finishRun(stored, change);
        return this.#storage.grow(lease.conversationId, record, grown);
      }
      case "run-replaced":
        return replaceRun(stored, change);
      case "revised":
        return this.#storage.grow(lease.conversationId, record, applyRevision(stored, keep(change)));
      case "persona-changed":
        return changePersona(stored, change);
      default:
        change satisfies never;
    }
  }

  async amend(conversationId: string, amendment: Amendment): Promise<void> {
    const { record, stored } = this.#find(conversationId);
    if (amendment.type === "erased") {
      if (stored.meta.tokenHash !== amendment.tokenHash) throw new AppError("conversation_not_found");
      return this.#storage.remove(conversationId);
    }
    const { messageId, feedback } = amendment;
    const index = indexOf(stored.messages, messageId);
    const { feedback: earlier, ...message } = stored.messages[index] ?? missing();
    this.#storage.reserve(conversationId, record, feedbackSizeOf(feedback) - feedbackSizeOf(earlier));
    stored.messages[index] = keep({ ...message, feedback });
  }

  async page(
    conversationId: string,
    query: { before?: string | undefined; limit: number },
  ): Promise<ConversationPage> {
    const { stored } = this.#find(conversationId);
    const end = query.before === undefined ? stored.messages.length : indexOf(stored.messages, query.before);
    const start = Math.max(0, end - query.limit);
    return {
      conversation: toConversation(stored),
      messages: stored.messages.slice(start, end),
      olderCount: start,
    };
  }

  #find(id: string): { record: LocalRecord; stored: StoredConversation } {
    const record = this.#storage.find(id);
    if (!record?.conversation) throw new AppError("conversation_not_found");
    return { record, stored: record.conversation };
  }
}

function toConversation(stored: StoredConversation): Conversation {
  const { meta, seq, line, runningId } = stored;
  return { ...meta, seq, line: [...line], ...(runningId !== undefined && { runningId }) };
}

function keep<Value>(value: Value): Value {
  return deepFreeze(structuredClone(value));
}

function messageTurnOf(stored: StoredConversation, runId: string): MessageTurn | undefined {
  for (const turn of stored.line) if (turn.type === "message" && turn.runId === runId) return turn;
  return undefined;
}

/** What runs stands first, even where a choice of persona slipped in before it. A run that has ended stays ended. */
function startRun(stored: StoredConversation, runId: string): void {
  const turn = messageTurnOf(stored, runId);
  if (!turn) return;
  stored.line = [turn, ...stored.line.filter((entry) => entry !== turn)];
  stored.runningId = runId;
}

/** Returns the bytes that the history has grown by; the user's message was counted when it was accepted. */
function finishRun(
  stored: StoredConversation,
  change: ConversationChange & { readonly type: "run-finished" },
): number {
  const turn = messageTurnOf(stored, change.runId);
  if (!turn) return 0;
  stored.line = stored.line.filter((entry) => entry !== turn);
  if (stored.runningId === change.runId) stored.runningId = undefined;
  stored.seq = change.seq;
  stored.messages.push(turn.message);
  if (!change.reply) return 0;
  stored.messages.push(keep(change.reply));
  return sizeOf(change.reply.content);
}

/** The message stays where it stands, under another run. */
function replaceRun(
  stored: StoredConversation,
  change: ConversationChange & { readonly type: "run-replaced" },
): void {
  const turn = messageTurnOf(stored, change.runId);
  if (!turn) return;
  const by = keep(change.by);
  stored.line = stored.line.map((entry) => (entry === turn ? by : entry));
  const known = stored.accepted.get(by.message.id);
  if (known?.runId === change.runId) stored.accepted.set(by.message.id, { ...known, runId: by.runId });
  if (stored.runningId === change.runId) stored.runningId = undefined;
  stored.seq = change.seq;
}

/** A turn that has left the line, done or replaced by a newer choice, changes nothing any more. */
function changePersona(
  stored: StoredConversation,
  change: ConversationChange & { readonly type: "persona-changed" },
): void {
  const turn = stored.line.find((entry) => entry.type === "persona" && entry.turnId === change.turnId);
  if (!turn) return;
  stored.line = stored.line.filter((entry) => entry !== turn);
  stored.meta = keep({ ...stored.meta, persona: change.persona });
  stored.seq = change.seq;
}

function acceptMessage(
  stored: StoredConversation,
  turn: MessageTurn,
  reserve: (bytes: number) => void,
): Acceptance {
  const { id, content: text } = turn.message;
  const known = stored.accepted.get(id);
  if (known) {
    if (known.text !== text) throw new AppError("id_conflict");
    return { ...standingOf(stored, known.runId), runId: known.runId, duplicate: true };
  }
  assertRoomInLine(stored);
  reserve(sizeOf(text));
  stored.line = [...stored.line, turn];
  stored.accepted.set(id, { text, runId: turn.runId });
  return { runId: turn.runId, state: "waiting", position: stored.line.length - 1, duplicate: false };
}

/** The newest choice replaces one that still waits, so that the line cannot be flooded with them. */
function acceptPersona(stored: StoredConversation, turn: PersonaTurn): Acceptance {
  const others = stored.line.filter((entry) => entry.type !== "persona");
  const position = stored.runningId === undefined ? 0 : 1;
  stored.line = [...others.slice(0, position), turn, ...others.slice(position)];
  return { runId: turn.turnId, state: "waiting", position, duplicate: false };
}

function indexOf(messages: readonly StoredMessage[], id: string): number {
  const index = messages.findIndex((message) => message.id === id);
  if (index < 0) throw new AppError("message_not_found");
  return index;
}

function missing(): never {
  throw new AppError("message_not_found");
}
