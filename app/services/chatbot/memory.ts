// The contract of a conversation's memory: what any keeper of conversations promises.
// The promises are held against every implementation by tests/contracts/conversation-store.ts.

import type {
  Amendment,
  Conversation,
  ConversationChange,
  ConversationPage,
  NewConversation,
  Turn,
} from "#app/models/conversation.ts";
import type { Lease } from "./run-lease.ts";

/** How many messages may wait behind the one that is being answered. */
export const MAX_WAITING = 4;

/** The answer to a turn that was handed in. */
export interface Acceptance {
  /** The run that answers the message; of a known message, its newest. */
  readonly runId: string;
  readonly state: "waiting" | "running" | "finished";
  /** Turns that come before it. */
  readonly position: number;
  /** The id was known: nothing was stored. */
  readonly duplicate: boolean;
}

/** What a `cancel` found to stop. */
export interface Cancellation {
  readonly running: string | undefined;
  readonly waiting: readonly string[];
}

/**
 * Keeps conversations. Every method is atomic, and rejects with AppError `conversation_not_found` for an id it does
 * not hold (but for `create`), and `storage_unavailable` when it cannot say.
 */
export interface ConversationStore {
  /**
   * Makes a conversation. The same id with the same token hash is the same conversation, untouched (`created: false`);
   * with another hash it is `conversation_not_found`, so that nobody learns which ids exist.
   */
  create(conversation: NewConversation): Promise<{ conversation: Conversation; created: boolean }>;
  /**
   * Puts a turn at the end of the line; once this resolves, the turn is never lost. A `persona` turn goes before the
   * messages that wait; so does a `revision`, but behind the message it revises, where that waits itself. It cancels
   * what it revises, and the running reply too unless its message waits behind that one. A known message id stores
   * nothing and is answered with its newest run; so is the same revision a second time, unless it was cancelled and is no
   * edit. A choice of persona that was made before goes first.
   * @throws AppError `queue_full` when {@link MAX_WAITING} messages wait already; `id_conflict` when the message id
   *   is known with another text; `message_not_found` when the message to be revised is none of the visitor's that
   *   waits or stands in the history; `overloaded` when there is no room for it.
   */
  accept(conversationId: string, turn: Turn): Promise<Acceptance>;
  /** Marks one run, or with no `runId` the running and all waiting ones, as cancelled. Says which were found. */
  cancel(conversationId: string, runId: string | undefined, scope: "all" | "running"): Promise<Cancellation>;
  /**
   * A change by the one who runs the conversation. Idempotent by run and turn id: of a turn that is not in line, ended
   * or replaced or never accepted, it changes nothing. A run that has begun stands first in line.
   * @throws AppError `run_interrupted` when `lease` is no longer the conversation's newest.
   */
  record(lease: Lease, change: ConversationChange): Promise<void>;
  /**
   * `feedback` keeps what a visitor thinks of a message in the history. `erased` drops the conversation with its log, and
   * the lease with its holder's right: what is appended, renewed or recorded under it from then on is refused. Whoever
   * has it open or runs it elsewhere is told. The id is free again, and what is made under it has nothing of this one.
   * @throws AppError `message_not_found`; `conversation_not_found` for an erasure with another token, too
   */
  amend(conversationId: string, amendment: Amendment): Promise<void>;
  /** A page of finished messages, the newest or those before the message `before` (`message_not_found` if unknown). */
  page(
    conversationId: string,
    query: { before?: string | undefined; limit: number },
  ): Promise<ConversationPage>;
}
