// The conversation store of the in-memory bundle. Every method does its work before it first yields, so that it is
// atomic without a lock. What comes in is copied and frozen: nobody outside holds a piece of what is kept.

import { AppError } from "#app/core/errors.ts";
import { deepFreeze } from "#app/core/frozen-value.ts";
import type {
  Conversation,
  ConversationChange,
  ConversationPage,
  MessageTurn,
  NewConversation,
  PersonaTurn,
  StoredMessage,
  Turn,
} from "#app/models/conversation.ts";
import type { LocalRecord, LocalStorage, StoredConversation } from "./local-storage.ts";
import { type Acceptance, type Cancellation, type ConversationStore, MAX_WAITING } from "./memory.ts";
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
    };
    return { conversation: toConversation(record.conversation), created: true };
  }

  async accept(conversationId: string, turn: Turn): Promise<Acceptance> {
    const { record, stored } = this.#find(conversationId);
    if (turn.type === "persona") return acceptPersona(stored, keep(turn));
    const known = stored.accepted.get(turn.message.id);
    if (known) {
      if (known.message.content !== turn.message.content) throw new AppError("id_conflict");
      return { ...standing(stored, known.runId), runId: known.runId, duplicate: true };
    }
    // One is being answered, or about to be; the others wait.
    const unanswered = stored.line.filter((entry) => entry.type === "message").length;
    if (unanswered >= MAX_WAITING + 1) throw new AppError("queue_full");
    this.#storage.reserve(conversationId, record, sizeOf(turn.message));
    const kept = keep(turn);
    stored.line = [...stored.line, kept];
    stored.accepted.set(kept.message.id, kept);
    return { runId: turn.runId, state: "waiting", position: stored.line.length - 1, duplicate: false };
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
        turn.type === "message" &&
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
      case "persona-changed":
        return changePersona(stored, change);
      default:
        change satisfies never;
    }
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
  return sizeOf(change.reply);
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
  stored.accepted.set(by.message.id, by);
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

/** The newest choice replaces one that still waits, so that the line cannot be flooded with them. */
function acceptPersona(stored: StoredConversation, turn: PersonaTurn): Acceptance {
  const others = stored.line.filter((entry) => entry.type !== "persona");
  const position = stored.runningId === undefined ? 0 : 1;
  stored.line = [...others.slice(0, position), turn, ...others.slice(position)];
  return { runId: turn.turnId, state: "waiting", position, duplicate: false };
}

function standing(stored: StoredConversation, runId: string): Pick<Acceptance, "state" | "position"> {
  const position = stored.line.findIndex((turn) => turn.type === "message" && turn.runId === runId);
  if (position < 0) return { state: "finished", position: 0 };
  return { state: runId === stored.runningId ? "running" : "waiting", position };
}

function indexOf(messages: readonly StoredMessage[], id: string): number {
  const index = messages.findIndex((message) => message.id === id);
  if (index < 0) throw new AppError("message_not_found");
  return index;
}

function sizeOf(message: StoredMessage): number {
  return message.content.length * 2 + 256;
}
