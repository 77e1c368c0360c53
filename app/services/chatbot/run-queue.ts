// A conversation's line on the instance that works it off: one turn at a time, in order, under the lease.
// The store is the truth: `wake` says only that something may have changed there, from wherever it came.

import { toAppError } from "#app/core/errors.ts";
import type { Logger } from "#app/core/logging.ts";
import type { Metrics } from "#app/core/metrics.ts";
import type { Conversation, MessageTurn, Turn } from "#app/models/conversation.ts";
import type { PersonaRef } from "#app/models/persona.ts";
import type { Agent } from "./agent.ts";
import type { ConversationChannel } from "./conversation-channel.ts";
import { changePersona, handOver, revise, takeOver } from "./line-changes.ts";
import { OwedTurns } from "./owed-turns.ts";
import type { PersonaRegistry } from "./persona-registry.ts";
import type { HistoryWindow } from "./prompt-history.ts";
import type { RemoteFeed } from "./remote-feed.ts";
import { executeRun } from "./run.ts";
import type { RunAdmission } from "./run-admission.ts";
import { LEASE_TIMES } from "./run-lease.ts";
import { RunStop, stopCauseOf } from "./run-stop.ts";
import type { StorageBundle } from "./storage-bundle.ts";
import { beginTenure, type Tenure } from "./tenure.ts";

export interface RunQueueOptions {
  readonly conversationId: string;
  readonly storage: StorageBundle;
  readonly channel: ConversationChannel;
  readonly feed: RemoteFeed;
  readonly admission: RunAdmission;
  readonly registry: PersonaRegistry;
  readonly agent: Agent;
  readonly logger: Logger;
  readonly metrics?: Metrics | undefined;
  /** A run is ended with `llm_timeout` after so long. */
  readonly runDeadlineMs: number;
  /** Called when the line has been worked off. */
  readonly onIdle: () => void;
}

/** How many finished messages are read for a prompt: the most that a persona's `history_messages` may ask for. */
const HISTORY_READ = 100;

/** After trouble with the storage the line is looked at again, though nobody asks. */
const RETRY_MS = 1_000;

export class RunQueue {
  readonly #options: RunQueueOptions;
  readonly #announced = new Set<string>();
  readonly #owed = new OwedTurns();
  #working: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #persona: PersonaRef | undefined;
  #woken = false;
  #draining = false;
  readonly #drained = new AbortController();
  #tenure: Tenure | undefined;
  #running: { readonly runId: string; readonly stop: AbortController } | undefined;

  constructor(options: RunQueueOptions) {
    this.#options = options;
  }

  /** Whether the line is being worked off. */
  get busy(): boolean {
    return this.#working !== undefined;
  }

  /** Whether something is still to come of it: work, or another look at the line. */
  get needed(): boolean {
    return this.busy || this.#retry !== undefined;
  }

  /** The run that is under way here. */
  get runningId(): string | undefined {
    return this.#running?.runId;
  }

  /** Who answers, as far as it was seen here. */
  get persona(): PersonaRef | undefined {
    return this.#persona;
  }

  /** A turn of this line was accepted here just now. Never rejects. */
  accepted(turn: Turn, conversation: Conversation): void {
    this.#owed.add(turn, conversation, this.#options.channel.epoch);
    this.wake();
  }

  /** The line may have changed: works it off, or looks whether the running turn was stopped. Never rejects. */
  wake(): void {
    this.#woken = true;
    this.#forgetRetry();
    if (!this.#working) {
      this.#working = this.#work().finally(() => {
        this.#working = undefined;
        if (this.#woken) this.wake();
        else this.#options.onIdle();
      });
    } else if (this.#running) void this.#lookUp();
  }

  /** Stops what runs here without asking the store, which may be away; false where that is not running here. */
  stopNow(runId: string | undefined): boolean {
    if (!this.#running || (runId !== undefined && runId !== this.#running.runId)) return false;
    this.#running.stop.abort(new RunStop("cancelled"));
    return true;
  }

  /** The conversation is no more: what runs here is broken off without a word. What is made in its place comes anew. */
  forsake(): void {
    this.#forgetRetry();
    this.#woken = false;
    this.#persona = undefined;
    this.#owed.clear();
    this.#tenure?.lose();
  }

  /** Resolves when nothing is being worked off. */
  async idle(): Promise<void> {
    while (this.#working) await this.#working;
  }

  /**
   * This instance stops. What others can go on with is handed over to them; else the running turn, and each that still
   * waits, is ended as interrupted.
   */
  drain(): void {
    this.#draining = true;
    this.#drained.abort();
    this.#forgetRetry();
    this.#running?.stop.abort(new RunStop(this.#handsOver ? "handed-over" : "draining"));
  }

  get #handsOver(): boolean {
    const { storage, conversationId } = this.#options;
    return this.#draining && storage.kindOf(conversationId) === "redis";
  }

  async #work(): Promise<void> {
    try {
      const isOurs = await this.#hold();
      // Whoever holds the lease works the line off, unless it dies: then the lease lapses, and we are the next.
      if (!isOurs) this.#wakeIn(LEASE_TIMES.lifeMs);
    } catch (error) {
      const { code, cause } = toAppError(error);
      // An outage has a line of its own; here it is one conversation that waits for its end.
      const level = code === "storage_unavailable" ? "warn" : "error";
      this.#options.logger[level]({ code, err: cause ?? error }, "run_queue_failed");
      // What was erased or has left has no line any more.
      if (code === "conversation_not_found") this.#owed.clear();
      else this.#wakeIn(RETRY_MS);
    }
  }

  #wakeIn(ms: number): void {
    if (this.#draining) return;
    this.#forgetRetry();
    this.#retry = setTimeout(() => this.wake(), ms);
    this.#retry.unref();
  }

  #forgetRetry(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
  }

  /** Takes the lease, works the line off, gives the lease back; false while somebody else holds it. */
  async #hold(): Promise<boolean> {
    this.#woken = false;
    const tenure = await beginTenure(this.#options);
    if (!tenure) return false;
    this.#tenure = tenure;
    let isDone = false;
    try {
      while (!tenure.ended.aborted && !this.#handsOver && !isDone) isDone = !(await this.#next(tenure));
    } catch (error) {
      // What was erased or has left has no line any more: nobody has to look for it again.
      isDone = toAppError(error).code === "conversation_not_found";
      throw error;
    } finally {
      this.#announced.clear();
      this.#tenure = undefined;
      await tenure.close(isDone);
    }
    // Somebody else has it, or the storage has forgotten that we had: then the line has to be looked at again.
    if (tenure.ended.aborted && !this.#owed.isEmpty) this.#wakeIn(RETRY_MS);
    return true;
  }

  /** Takes the first turn of the line; false when there is none. */
  async #next(tenure: Tenure): Promise<boolean> {
    // What was said while the storage was away comes first: the store does not know of it yet.
    await tenure.reattached(this.#drained.signal);
    if (tenure.ended.aborted) return true;
    this.#woken = false;
    const { conversationId, storage, logger } = this.#options;
    const areAllThere = await this.#owed.restore(conversationId, tenure.epoch, storage.store, logger);
    const { conversation, messages, olderCount } = await storage.store.page(conversationId, {
      limit: HISTORY_READ,
    });
    // Erased while it was read, or somebody else's by now; or something is missed there: then it is looked at again.
    if (tenure.ended.aborted || (areAllThere && this.#owed.misses(conversation.line))) return true;
    this.#persona = conversation.persona;
    tenure.readsAs(conversation);
    if (areAllThere) this.#owed.settle(conversation, tenure.epoch);
    const turn = conversation.line[0];
    if (!turn) return false;
    const change = { ...this.#options, tenure, conversation };
    if (turn.type === "persona") this.#persona = await changePersona(change, turn);
    else if (turn.type === "revision") await revise(change, turn);
    else if (turn.runId !== conversation.runningId || !(await takeOver(change, turn)))
      await this.#answer(tenure, turn, conversation, { messages, olderCount });
    return true;
  }

  async #answer(
    tenure: Tenure,
    turn: MessageTurn,
    conversation: Conversation,
    history: HistoryWindow,
  ): Promise<void> {
    const { registry, agent, logger, metrics } = this.#options;
    const stop = new AbortController();
    this.#running = { runId: turn.runId, stop };
    if (this.#draining) this.drain();
    this.#announced.add(turn.runId);
    // A snapshot stands for the position before all this: from there on everything has to stay readable.
    tenure.writer.holdFloor(conversation.seq + 1);
    this.#announceWaiting(tenure, conversation);
    // Something changed after the line was read: a stop of this very run, perhaps.
    if (this.#woken) void this.#lookUp();
    const signal = AbortSignal.any([stop.signal, tenure.ended]);
    const leave = turn.cancelled ? undefined : await this.#admit(conversation, signal);
    const deadline = setTimeout(() => stop.abort(new RunStop("deadline")), this.#options.runDeadlineMs);
    try {
      await executeRun({
        turn,
        persona: registry.get(conversation.persona) ?? registry.main(),
        history,
        ...{ locale: conversation.locale, visitor: conversation.visitor },
        ...{ lease: tenure.lease, writer: tenure.writer },
        ...{ agent, metrics, signal, logger: logger.child({ runId: turn.runId }) },
      });
      await tenure.writer.settled();
      const isHandedOver = stopCauseOf(signal) === "handed-over";
      if (isHandedOver) await handOver({ ...this.#options, tenure, conversation }, turn);
    } finally {
      clearTimeout(deadline);
      leave?.();
      tenure.writer.releaseFloor();
      this.#running = undefined;
    }
  }

  /** A place among the runs; none for one that was stopped while it waited: it only has its end to say. */
  async #admit({ id, visitor = id }: Conversation, signal: AbortSignal): Promise<(() => void) | undefined> {
    try {
      return await this.#options.admission.enter(visitor, signal);
    } catch (error) {
      if (signal.aborted) return undefined;
      throw error;
    }
  }

  /** While a turn runs: shows what has come to wait behind it, and stops it where the store says so. */
  async #lookUp(): Promise<void> {
    const { conversationId, storage, logger } = this.#options;
    try {
      const { conversation } = await storage.store.page(conversationId, { limit: 0 });
      const running = this.#running;
      if (!this.#tenure || !running) return;
      this.#announceWaiting(this.#tenure, conversation);
      const turn = conversation.line.find(
        (entry) => entry.type === "message" && entry.runId === running.runId,
      );
      if (turn?.type === "message" && turn.cancelled) running.stop.abort(new RunStop("cancelled"));
    } catch (error) {
      // Erased while nobody could tell us so.
      if (toAppError(error).code === "conversation_not_found") this.forsake();
      else logger.warn({ err: error }, "run_queue_look_up_failed");
    }
  }

  #announceWaiting(tenure: Tenure, conversation: Conversation): void {
    for (const [position, turn] of conversation.line.entries()) {
      if (turn.type !== "message" || this.#announced.has(turn.runId)) continue;
      this.#announced.add(turn.runId);
      tenure.writer.write({
        type: "CUSTOM",
        name: "message.accepted",
        value: { messageId: turn.message.id, runId: turn.runId, text: turn.message.content, position },
      });
    }
  }
}
