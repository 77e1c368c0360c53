// What a visitor hands in: something said, edited or asked again, another persona, a stop. Each is a turn of the line.
// Promises: a turn is stored before this says so, and then never lost; the same one again is harmless.

import { randomUUID } from "node:crypto";
import { AppError, toAppError } from "#app/core/errors.ts";
import type { Conversation, Turn } from "#app/models/conversation.ts";
import type { Persona, PersonaRef } from "#app/models/persona.ts";
import type { LiveConversations } from "./live-conversations.ts";
import type { Acceptance, Cancellation, ConversationStore } from "./memory.ts";
import { type AskedQuestion, lastQuestion, namedQuestion } from "./question.ts";
import type { RunAdmission } from "./run-admission.ts";

export interface TurnsOptions {
  readonly store: ConversationStore;
  readonly live: LiveConversations;
  readonly admission: RunAdmission;
  /** @throws AppError `persona_not_found` */
  readonly persona: (ref: PersonaRef) => Persona;
  /** Who answers in a conversation as it stands now. */
  readonly personaNow: (conversation: Conversation) => Persona;
}

export class Turns {
  readonly #options: TurnsOptions;

  constructor(options: TurnsOptions) {
    this.#options = options;
  }

  /**
   * Stores a message and puts it in the line. Once this resolves the message is never lost.
   * @throws AppError `message_too_long`, `queue_full`, `id_conflict`, `overloaded`; `draining` where it would not be answered any more
   */
  async say(
    conversation: Conversation,
    message: { id?: string | undefined; text: string },
  ): Promise<Acceptance & { messageId: string }> {
    this.#assertTakesQuestions();
    const text = this.#checkText(conversation, message.text);
    const messageId = message.id ?? randomUUID();
    const runId = randomUUID();
    const acceptance = await this.#accept(conversation, {
      type: "message",
      runId,
      message: { id: messageId, role: "user", content: text, createdAt: Date.now(), runId },
      cancelled: false,
    });
    return { ...acceptance, messageId };
  }

  /**
   * Lets a message say something else and answers it anew; what followed it leaves the history. A reply that is running
   * is stopped first, unless the message waits behind it. The same edit again is answered as a duplicate; so is, of one
   * with a `commandId`, a copy that comes when the message has been edited once more.
   * @throws AppError `message_not_found`, and what {@link say} throws
   */
  async edit(
    conversation: Conversation,
    revision: { messageId: string; text: string; commandId?: string | undefined },
  ): Promise<Acceptance & { messageId: string }> {
    this.#assertTakesQuestions();
    const text = this.#checkText(conversation, revision.text);
    const { messageId, commandId } = revision;
    const named = commandId !== undefined && { commandId };
    return this.#revise(conversation, { messageId, text, isEdit: true, ...named });
  }

  /**
   * The message of that id, or what was asked last; undefined where there is none. Looks far back only once that is paid.
   * @throws AppError `overloaded`, `draining`, or what `paid` rejects with
   */
  async questionOf(
    conversationId: string,
    messageId: string | undefined,
    paid: Promise<void>,
  ): Promise<AskedQuestion | undefined> {
    this.#assertTakesQuestions();
    const { store } = this.#options;
    if (messageId === undefined) return await lastQuestion(store, conversationId, paid);
    return await namedQuestion(store, conversationId, messageId, paid);
  }

  /**
   * Answers a message again, see {@link questionOf}; what followed it leaves the history. Stops as {@link edit} does.
   * @throws AppError `message_not_found`, and what {@link say} throws
   */
  async regenerate(
    conversation: Conversation,
    meant: AskedQuestion | undefined,
  ): Promise<Acceptance & { messageId: string }> {
    this.#assertTakesQuestions();
    if (!meant) throw new AppError("message_not_found");
    return this.#revise(conversation, { messageId: meant.id, text: meant.content, isEdit: false });
  }

  /**
   * Ends one run, or the running one and all that wait.
   * @throws AppError `already_finished` when there is nothing to stop
   */
  async stop(conversationId: string, runId: string | undefined): Promise<void> {
    const found = await this.#options.store
      .cancel(conversationId, runId, "all")
      .catch((error: unknown) => this.#stopHere(conversationId, runId, error));
    if (found.running === undefined && found.waiting.length === 0) throw new AppError("already_finished");
    this.#options.live.queueOf(conversationId).wake();
  }

  /** Stops a running reply and lets somebody else answer from now on. @throws AppError `persona_not_found` */
  async switchPersona(conversationId: string, ref: PersonaRef): Promise<void> {
    const persona = this.#options.persona(ref);
    const { store } = this.#options;
    const chosen = { kind: persona.kind, id: persona.id };
    // In this order, and on their way together.
    const steps = await Promise.allSettled([
      store.cancel(conversationId, undefined, "running"),
      store.accept(conversationId, { type: "persona", turnId: randomUUID(), persona: chosen }),
    ]);
    // Also where only one of them was done.
    this.#options.live.queueOf(conversationId).wake();
    for (const step of steps) if (step.status === "rejected") throw step.reason;
  }

  #assertTakesQuestions(): void {
    if (this.#options.live.isDrained) throw new AppError("draining");
    this.#options.admission.assertRoom();
  }

  #checkText(conversation: Conversation, said: string): string {
    const text = said.toWellFormed();
    // The one who answers now, where that has changed since this connection joined.
    const { maxInputChars } = this.#options.personaNow(conversation).limits;
    if (text.length <= maxInputChars) return text;
    throw new AppError("message_too_long", {
      message: `A message may have at most ${maxInputChars} characters; this one has ${text.length}.`,
      details: { maxChars: maxInputChars },
    });
  }

  async #revise(
    conversation: Conversation,
    revision: { messageId: string; text: string; isEdit: boolean; commandId?: string },
  ): Promise<Acceptance & { messageId: string }> {
    const { messageId } = revision;
    const turn = {
      ...revision,
      type: "revision",
      runId: randomUUID(),
      createdAt: Date.now(),
      cancelled: false,
    } as const;
    return { ...(await this.#accept(conversation, turn)), messageId };
  }

  async #accept(conversation: Conversation, turn: Turn): Promise<Acceptance> {
    const acceptance = await this.#options.store.accept(conversation.id, turn);
    // Of a known message too: its line may have come to a standstill when storage was away.
    if (acceptance.state === "finished") return acceptance;
    const queue = this.#options.live.queueOf(conversation.id);
    if (acceptance.duplicate) queue.wake();
    else queue.accepted(turn, conversation);
    return acceptance;
  }

  /** A visitor's stop holds while the storage is away, too. @throws AppError the storage's own, where nothing runs here */
  #stopHere(conversationId: string, runId: string | undefined, error: unknown): Cancellation {
    const queue = this.#options.live.knownQueueOf(conversationId);
    const running = queue?.runningId;
    const isAway = toAppError(error).code === "storage_unavailable";
    if (!isAway || !queue?.stopNow(runId)) throw error;
    return { running, waiting: [] };
  }
}
