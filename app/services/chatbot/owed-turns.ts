// What this instance knows that its line owes an answer to: what was accepted here, and what was last seen waiting.
// Promises: where the storage has come back with an older state, and has forgotten some of it, that is handed in again;
// what is known there already stays as it is. A repeat of an answer is not: asked twice, it would be given twice.

import { toAppError } from "#app/core/errors.ts";
import type { Logger } from "#app/core/logging.ts";
import type { RevisionTurn, Turn } from "#app/models/conversation.ts";
import type { ConversationStore } from "./memory.ts";
import { namedQuestion } from "./question.ts";

export class OwedTurns {
  readonly #byRunId = new Map<string, Turn>();
  /** Names the life of the log in which they were known to stand in line. */
  #epoch: string | undefined;

  get isEmpty(): boolean {
    return this.#byRunId.size === 0;
  }

  /** A turn that was accepted just now, in that life of the log; undefined: nobody knows in which. */
  add(turn: Turn, epoch: string | undefined): void {
    if (turn.type === "persona" || (turn.type === "revision" && !turn.isEdit)) return;
    // In doubt the older one: it sends us to look.
    if (this.isEmpty) this.#epoch = epoch;
    this.#byRunId.set(turn.runId, turn);
  }

  /** The line as it stands, in that life of the log: what is not in it any more has had its answer. */
  settle(line: readonly Turn[], epoch: string): void {
    this.#epoch = epoch;
    const known = new Map(this.#byRunId);
    this.#byRunId.clear();
    for (const turn of line) {
      // An edit that stands in line as a message by now is still the edit that was handed in.
      if (turn.type !== "persona") this.add(known.get(turn.runId) ?? turn, epoch);
    }
  }

  clear(): void {
    this.#byRunId.clear();
  }

  /**
   * Hands in again, in their order, where the log is in another life than when they were known to stand in line.
   * @throws AppError `storage_unavailable`, and then nothing is forgotten here
   */
  async restore(id: string, epoch: string, store: ConversationStore, logger: Logger): Promise<void> {
    if (this.isEmpty || epoch === this.#epoch) return;
    for (const [runId, turn] of this.#byRunId) {
      try {
        if (turn.type === "revision" && (await isSuperseded(id, turn, store))) continue;
        const { duplicate } = await store.accept(id, turn);
        if (!duplicate) logger.warn({ runId }, "forgotten_turn_restored");
      } catch (error) {
        const { code } = toAppError(error);
        if (code === "storage_unavailable") throw error;
        // What it follows is forgotten, too, or it is there under another wording.
        logger.warn({ runId, code }, "forgotten_turn_not_restored");
      }
    }
  }
}

/** The message says so already, or something newer: an edit that was answered long ago would undo what came after it. */
async function isSuperseded(id: string, edit: RevisionTurn, store: ConversationStore): Promise<boolean> {
  const question = await namedQuestion(store, id, edit.messageId);
  return question !== undefined && question.createdAt >= edit.createdAt;
}
