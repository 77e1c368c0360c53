// What this instance knows that its line owes an answer to: what was accepted here, and what was last seen waiting.
// Promises: where the storage has come back with an older state, and has forgotten some of it, that is handed in again;
// what is known there already stays as it is. A repeat of an answer is not: asked twice, it would be given twice.

import { toAppError } from "#app/core/errors.ts";
import type { Logger } from "#app/core/logging.ts";
import type { Conversation, RevisionTurn, Turn } from "#app/models/conversation.ts";
import type { ConversationStore } from "./memory.ts";
import { namedQuestion } from "./question.ts";

export class OwedTurns {
  readonly #byRunId = new Map<string, Turn>();
  /** Accepted here, and not seen in the line since: of these only the storage's own word says that they were answered. */
  readonly #unseen = new Set<string>();
  /** Names the life of the log in which they were known to stand in line. */
  #epoch: string | undefined;
  /** When their conversation was made: one that is made anew under the same id is another. */
  #madeAt: number | undefined;
  /** One of the unseen stands nowhere. */
  #isInDoubt = false;

  get isEmpty(): boolean {
    return this.#byRunId.size === 0;
  }

  /** A turn that was accepted just now, in that life of the log; undefined: nobody knows in which. */
  add(turn: Turn, { createdAt }: Pick<Conversation, "createdAt">, epoch: string | undefined): void {
    if (createdAt !== this.#madeAt) this.clear();
    this.#madeAt = createdAt;
    if (!isOwed(turn)) return;
    // In doubt the older one: it sends us to look.
    if (this.isEmpty) this.#epoch = epoch;
    this.#byRunId.set(turn.runId, turn);
    this.#unseen.add(turn.runId);
  }

  /** Whether something that was accepted here is not in the line: {@link restore} finds out what became of it. */
  misses(line: readonly Turn[]): boolean {
    const standing = new Set(line.map((turn) => (turn.type === "persona" ? turn.turnId : turn.runId)));
    this.#isInDoubt = [...this.#unseen].some((runId) => !standing.has(runId));
    return this.#isInDoubt;
  }

  /** The line as it stands, in that life of the log, with nothing missing: what is not in it any more has had its answer. */
  settle({ line, createdAt }: Pick<Conversation, "line" | "createdAt">, epoch: string): void {
    const known = new Map(this.#byRunId);
    this.clear();
    this.#epoch = epoch;
    this.#madeAt = createdAt;
    for (const turn of line)
      if (isOwed(turn)) this.#byRunId.set(turn.runId, asHandedIn(turn, known.get(turn.runId)));
  }

  clear(): void {
    this.#byRunId.clear();
    this.#unseen.clear();
    this.#isInDoubt = false;
  }

  /**
   * Hands in again, in their order, where the log is in another life than when they were known to stand in line, or one of
   * them is missed there.
   * @returns false where the line is too full for all of them at the moment
   * @throws AppError `storage_unavailable`, and then nothing is forgotten here
   */
  async restore(id: string, epoch: string, store: ConversationStore, logger: Logger): Promise<boolean> {
    if (this.isEmpty || (epoch === this.#epoch && !this.#isInDoubt)) return true;
    // Nothing of what was erased comes back in a conversation that was made anew.
    if ((await madeAt(id, store)) !== this.#madeAt) this.clear();
    for (const [runId, turn] of this.#byRunId) {
      try {
        if (turn.type === "revision" && (await isSuperseded(id, turn, store))) continue;
        const { duplicate } = await store.accept(id, turn);
        if (!duplicate) logger.warn({ runId }, "forgotten_turn_restored");
      } catch (error) {
        const { code } = toAppError(error);
        if (code === "storage_unavailable") throw error;
        if (code === "queue_full") return false;
        // What it follows is forgotten, too, or it is there under another wording.
        logger.warn({ runId, code }, "forgotten_turn_not_restored");
      }
    }
    this.#unseen.clear();
    this.#isInDoubt = false;
    return true;
  }
}

function isOwed(turn: Turn): turn is Exclude<Turn, { readonly type: "persona" }> {
  return turn.type === "message" || (turn.type === "revision" && turn.isEdit);
}

/** An edit that stands in line as a message by now is still the edit that was handed in; a stop of it holds. */
function asHandedIn(turn: Exclude<Turn, { readonly type: "persona" }>, known: Turn | undefined): Turn {
  return known?.type === "revision" ? { ...known, cancelled: turn.cancelled } : turn;
}

async function madeAt(id: string, store: ConversationStore): Promise<number | undefined> {
  try {
    return (await store.page(id, { limit: 0 })).conversation.createdAt;
  } catch (error) {
    if (toAppError(error).code === "conversation_not_found") return undefined;
    throw error;
  }
}

/** The message says so already, or something newer: an edit that was answered long ago would undo what came after it. */
async function isSuperseded(id: string, edit: RevisionTurn, store: ConversationStore): Promise<boolean> {
  const question = await namedQuestion(store, id, edit.messageId);
  return question !== undefined && question.createdAt >= edit.createdAt;
}
