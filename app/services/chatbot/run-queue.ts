// A conversation's line on the instance that works it off: one turn at a time, in order, under the lease.
// The store is the truth: `wake` says only that something may have changed there, from wherever it came.

import { toAppError } from "#app/core/errors.ts";
import type { Logger } from "#app/core/logging.ts";
import type { Conversation, MessageTurn, Turn } from "#app/models/conversation.ts";
import type { PersonaRef } from "#app/models/persona.ts";
import type { Agent } from "./agent.ts";
import type { ConversationChannel } from "./conversation-channel.ts";
import { EventWriter } from "./event-writer.ts";
import type { StorageBundle } from "./memory-factory.ts";
import type { PersonaRegistry } from "./persona-registry.ts";
import { showPersona } from "./persona-view.ts";
import type { HistoryWindow } from "./prompt-history.ts";
import { executeRun } from "./run.ts";
import { LEASE_TIMES, type Lease } from "./run-lease.ts";
import { RunStop } from "./run-stop.ts";

export interface RunQueueOptions {
  readonly conversationId: string;
  readonly storage: StorageBundle;
  readonly channel: ConversationChannel;
  readonly registry: PersonaRegistry;
  readonly agent: Agent;
  readonly logger: Logger;
  /** A run is ended with `llm_timeout` after so long. */
  readonly runDeadlineMs: number;
  /** Called when the line has been worked off. */
  readonly onIdle: () => void;
}

/** How many finished messages are read for a prompt: the most that a persona's `history_messages` may ask for. */
const HISTORY_READ = 100;

/** The time in which this instance holds the lease. */
interface Tenure {
  readonly lease: Lease;
  readonly writer: EventWriter;
  readonly ended: AbortController;
}

export class RunQueue {
  readonly #options: RunQueueOptions;
  readonly #announced = new Set<string>();
  #working: Promise<void> | undefined;
  #woken = false;
  #draining = false;
  #tenure: Tenure | undefined;
  #running: { readonly runId: string; readonly stop: AbortController } | undefined;

  constructor(options: RunQueueOptions) {
    this.#options = options;
  }

  get busy(): boolean {
    return this.#working !== undefined;
  }

  /** The line may have changed: works it off, or looks whether the running turn was stopped. Never rejects. */
  wake(): void {
    this.#woken = true;
    if (!this.#working) {
      this.#working = this.#work().finally(() => {
        this.#working = undefined;
        if (this.#woken) this.wake();
        else this.#options.onIdle();
      });
    } else if (this.#running) void this.#lookUp();
  }

  /** Resolves when nothing is being worked off. */
  async idle(): Promise<void> {
    while (this.#working) await this.#working;
  }

  /** This instance stops: the running turn, and each that still waits, is ended as interrupted. */
  drain(): void {
    this.#draining = true;
    this.#running?.stop.abort(new RunStop("draining"));
  }

  async #work(): Promise<void> {
    try {
      await this.#hold();
    } catch (error) {
      this.#options.logger.error({ err: toAppError(error).cause ?? error }, "run_queue_failed");
    }
  }

  /** Takes the lease, works the line off, gives the lease back. Somebody else's lease: they work it off. */
  async #hold(): Promise<void> {
    const { conversationId, storage } = this.#options;
    this.#woken = false;
    const lease = await storage.lease.acquire(conversationId);
    if (!lease) return;
    let renewal: NodeJS.Timeout | undefined;
    try {
      const tenure = await this.#begin(lease);
      renewal = setInterval(() => void this.#renew(tenure), LEASE_TIMES.renewEveryMs);
      while (!tenure.ended.signal.aborted && (await this.#next(tenure)));
      await tenure.writer.settled();
    } finally {
      clearInterval(renewal);
      this.#tenure = undefined;
      this.#announced.clear();
      await storage.lease.release(lease);
    }
  }

  async #begin(lease: Lease): Promise<Tenure> {
    const { conversationId, storage, channel } = this.#options;
    const ended = new AbortController();
    const head = await storage.log.open(conversationId);
    const onFailure = (error: unknown): void => {
      this.#options.logger.error({ err: error }, "event_append_failed");
      ended.abort(new RunStop("lease-lost"));
    };
    const writer = new EventWriter({ log: storage.log, lease, head, channel, onFailure });
    this.#tenure = { lease, writer, ended };
    return this.#tenure;
  }

  async #renew(tenure: Tenure): Promise<void> {
    const held = await this.#options.storage.lease.renew(tenure.lease).catch(() => true);
    if (!held) tenure.ended.abort(new RunStop("lease-lost"));
  }

  /** Takes the first turn of the line; false when there is none. */
  async #next(tenure: Tenure): Promise<boolean> {
    this.#woken = false;
    const { conversationId, storage } = this.#options;
    const { conversation, messages, olderCount } = await storage.store.page(conversationId, {
      limit: HISTORY_READ,
    });
    const turn = conversation.line[0];
    if (!turn) return false;
    if (turn.type === "persona") await this.#changePersona(tenure, turn, conversation);
    else await this.#answer(tenure, turn, conversation, { messages, olderCount });
    return true;
  }

  async #changePersona(
    tenure: Tenure,
    turn: Turn & { type: "persona" },
    conversation: Conversation,
  ): Promise<void> {
    const persona = this.#options.registry.get(turn.persona) ?? this.#options.registry.main();
    const ref: PersonaRef = { kind: persona.kind, id: persona.id };
    const seq = tenure.writer.lastSeq + 1;
    tenure.writer.holdUntil(
      this.#options.storage.store.record(tenure.lease, {
        type: "persona-changed",
        turnId: turn.turnId,
        persona: ref,
        seq,
      }),
    );
    tenure.writer.write({
      type: "CUSTOM",
      name: "persona.changed",
      value: showPersona(persona, conversation.locale),
    });
    await tenure.writer.settled();
  }

  async #answer(
    tenure: Tenure,
    turn: MessageTurn,
    conversation: Conversation,
    history: HistoryWindow,
  ): Promise<void> {
    const { storage, registry, agent, logger, runDeadlineMs } = this.#options;
    const stop = new AbortController();
    const deadline = setTimeout(() => stop.abort(new RunStop("deadline")), runDeadlineMs);
    this.#running = { runId: turn.runId, stop };
    if (this.#draining) this.drain();
    this.#announced.add(turn.runId);
    // A snapshot stands for the position before all this: from there on everything has to stay readable.
    tenure.writer.holdFloor(conversation.seq + 1);
    this.#announceWaiting(tenure, conversation);
    // Something changed after the line was read: a stop of this very run, perhaps.
    if (this.#woken) void this.#lookUp();
    try {
      await executeRun({
        turn,
        persona: registry.get(conversation.persona) ?? registry.main(),
        history,
        locale: conversation.locale,
        agent,
        store: storage.store,
        lease: tenure.lease,
        writer: tenure.writer,
        signal: AbortSignal.any([stop.signal, tenure.ended.signal]),
        logger: logger.child({ runId: turn.runId }),
      });
      await tenure.writer.settled();
    } finally {
      clearTimeout(deadline);
      tenure.writer.releaseFloor();
      this.#running = undefined;
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
      logger.warn({ err: error }, "run_queue_look_up_failed");
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
