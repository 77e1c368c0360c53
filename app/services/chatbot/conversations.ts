// What can be done with a conversation: make it, open it, say something, stop, switch the persona, read back, listen.
// Promises: a message is stored before this says so; nobody opens a conversation without its token. Holds the live
// part (channel and line) of every conversation that is open or running on this instance, and nothing else.

import { randomUUID } from "node:crypto";
import { AppError } from "#app/core/errors.ts";
import { createToken, hashToken, tokenMatches } from "#app/core/secrets.ts";
import type { Conversation, ConversationPage, Feedback, Turn } from "#app/models/conversation.ts";
import type { Persona, PersonaRef } from "#app/models/persona.ts";
import type { LogHead } from "./event-log.ts";
import { LiveConversations, type LiveConversationsOptions } from "./live-conversations.ts";
import type { Acceptance } from "./memory.ts";
import type { StorageBundle } from "./memory-factory.ts";
import { findQuestion, lastQuestion } from "./question.ts";
import type { Reader, ReaderOptions } from "./reader.ts";

export type ConversationsOptions = LiveConversationsOptions;

/** A conversation that was opened, and where its log stands. */
export interface OpenedConversation {
  readonly page: ConversationPage;
  readonly head: LogHead;
  readonly created: boolean;
  /** Only of a conversation that was made just now by the server itself or by its client. */
  readonly resumeToken?: string;
}

/** How many finished messages a snapshot shows. */
const SNAPSHOT_MESSAGES = 50;

export class Conversations {
  readonly #options: ConversationsOptions;
  readonly #live: LiveConversations;

  constructor(options: ConversationsOptions) {
    this.#options = options;
    this.#live = new LiveConversations(options);
  }

  get storageKind(): StorageBundle["kind"] {
    return this.#options.storage.kind;
  }

  /** How many conversations are open or running here, and how many of them run. */
  get counts(): { readonly live: number; readonly running: number } {
    return this.#live.counts;
  }

  /** The persona of that kind and id, or the main one where none was named. @throws AppError `persona_not_found` */
  persona(ref: PersonaRef | undefined): Persona {
    if (!ref) return this.#options.registry.main();
    const persona = this.#options.registry.get(ref);
    if (!persona) throw new AppError("persona_not_found", { details: { kind: ref.kind, id: ref.id } });
    return persona;
  }

  /** Who answers in this conversation: its persona, or the main one where that has left the list. */
  personaOf(conversation: Conversation): Persona {
    return this.#options.registry.get(conversation.persona) ?? this.#options.registry.main();
  }

  /**
   * Makes a conversation. With a pair of the client's own, the same pair again opens the same conversation.
   * @throws AppError `persona_not_found`; `conversation_not_found` when the id is known with another token
   */
  async create(wish: {
    own?: { id: string; resumeToken: string } | undefined;
    persona: PersonaRef | undefined;
    locale: string | undefined;
    /** Stands for whoever makes it, for limits. */
    visitor?: string | undefined;
  }): Promise<OpenedConversation> {
    const persona = this.persona(wish.persona);
    const id = wish.own?.id ?? createToken();
    const resumeToken = wish.own?.resumeToken ?? createToken();
    const { created } = await this.#options.storage.store.create({
      id,
      tokenHash: hashToken(resumeToken),
      persona: { kind: persona.kind, id: persona.id },
      ...(wish.locale !== undefined && { locale: wish.locale }),
      ...(wish.visitor !== undefined && { visitor: wish.visitor }),
      createdAt: Date.now(),
    });
    const opened = await this.#look(id);
    return { ...opened, created, ...(created && { resumeToken }) };
  }

  /** @throws AppError `conversation_not_found` for an unknown id and for a wrong token alike */
  async open(id: string, resumeToken: string): Promise<OpenedConversation> {
    const opened = await this.#look(id);
    if (!tokenMatches(resumeToken, opened.page.conversation.tokenHash))
      throw new AppError("conversation_not_found");
    return { ...opened, created: false };
  }

  /** What {@link open} gives, for a connection that has shown the token before. */
  async reopen(id: string): Promise<OpenedConversation> {
    return { ...(await this.#look(id)), created: false };
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
    const acceptance = await this.#accept(conversation.id, {
      type: "message",
      runId,
      message: { id: messageId, role: "user", content: text, createdAt: Date.now(), runId },
      cancelled: false,
    });
    return { ...acceptance, messageId };
  }

  /**
   * Lets a message say something else and answers it anew; what followed it leaves the history. A reply that is running
   * is stopped first, unless the message waits behind it. The same edit again is answered as a duplicate.
   * @throws AppError `message_not_found`, and what {@link say} throws
   */
  async edit(
    conversation: Conversation,
    revision: { messageId: string; text: string },
  ): Promise<Acceptance & { messageId: string }> {
    this.#assertTakesQuestions();
    const text = this.#checkText(conversation, revision.text);
    return this.#revise(conversation.id, { messageId: revision.messageId, text, isEdit: true });
  }

  /**
   * Answers a message again, the last one where none is named; what followed it leaves the history. Stops as
   * {@link edit} does.
   * @throws AppError `message_not_found`, and what {@link say} throws
   */
  async regenerate(
    conversation: Conversation,
    messageId: string | undefined,
  ): Promise<Acceptance & { messageId: string }> {
    this.#assertTakesQuestions();
    const { store } = this.#options.storage;
    const meant =
      messageId === undefined
        ? await lastQuestion(store, conversation.id)
        : ((await findQuestion(store, conversation.id, messageId))?.message ?? {
            id: messageId,
            content: "",
          });
    if (!meant) throw new AppError("message_not_found", { message: "There is no message to answer yet." });
    return this.#revise(conversation.id, { messageId: meant.id, text: meant.content, isEdit: false });
  }

  /** Keeps what the visitor thinks of a finished message. @throws AppError `message_not_found` */
  async rate(conversationId: string, messageId: string, feedback: Feedback): Promise<void> {
    await this.#options.storage.store.amend(conversationId, { type: "feedback", messageId, feedback });
    this.#options.logger.info({ conversationId, messageId, rating: feedback.rating }, "feedback_saved");
  }

  /** Shows a frame of the moment to everybody else who reads the conversation, on whichever instance. */
  whisper(conversationId: string, frame: string, from: Reader): void {
    this.#live.whisper(conversationId, frame, from);
  }

  /**
   * Ends one run, or the running one and all that wait.
   * @throws AppError `already_finished` when there is nothing to stop
   */
  async stop(conversationId: string, runId: string | undefined): Promise<void> {
    const found = await this.#options.storage.store.cancel(conversationId, runId, "all");
    if (found.running === undefined && found.waiting.length === 0) throw new AppError("already_finished");
    this.#live.queueOf(conversationId).wake();
  }

  /** Stops a running reply and lets somebody else answer from now on. @throws AppError `persona_not_found` */
  async switchPersona(conversationId: string, ref: PersonaRef): Promise<void> {
    const persona = this.persona(ref);
    const { store } = this.#options.storage;
    await store.cancel(conversationId, undefined, "running");
    const chosen = { kind: persona.kind, id: persona.id };
    await store.accept(conversationId, { type: "persona", turnId: randomUUID(), persona: chosen });
    this.#live.queueOf(conversationId).wake();
  }

  /** A page of finished messages before one, or the newest. @throws AppError `message_not_found` */
  history(
    conversationId: string,
    query: { before?: string | undefined; limit: number },
  ): Promise<ConversationPage> {
    return this.#options.storage.store.page(conversationId, query);
  }

  /** Whether everything after a position can be proved to be there, and so be sent without a snapshot. */
  async canResume(conversationId: string, from: { epoch: string; after: number }): Promise<boolean> {
    return (await this.#options.storage.log.read(conversationId, { ...from, limit: 0 })) !== undefined;
  }

  /**
   * A reader of this conversation's events; it has to be started, and handed to {@link leave} in the end.
   * @throws AppError `storage_unavailable`
   */
  listen(options: Omit<ReaderOptions, "channel" | "log">): Promise<Reader> {
    return this.#live.listen(options);
  }

  leave(conversationId: string, reader: Reader): void {
    this.#live.leave(conversationId, reader);
  }

  /**
   * Lets replies finish for so long, those included that begin meanwhile; then ends what is left as interrupted, and
   * takes no more messages.
   */
  drain(graceMs: number): Promise<void> {
    return this.#live.drain(graceMs);
  }

  #assertTakesQuestions(): void {
    if (this.#live.isDrained) throw new AppError("draining");
    this.#options.admission.assertRoom();
  }

  #checkText(conversation: Conversation, said: string): string {
    const text = said.toWellFormed();
    // The one who answers now, where that has changed since this connection joined.
    const persona = this.#live.knownQueueOf(conversation.id)?.persona ?? conversation.persona;
    const { maxInputChars } = this.personaOf({ ...conversation, persona }).limits;
    if (text.length <= maxInputChars) return text;
    throw new AppError("message_too_long", {
      message: `A message may have at most ${maxInputChars} characters; this one has ${text.length}.`,
      details: { maxChars: maxInputChars },
    });
  }

  async #revise(
    conversationId: string,
    revision: { messageId: string; text: string; isEdit: boolean },
  ): Promise<Acceptance & { messageId: string }> {
    const { messageId } = revision;
    const turn = {
      ...revision,
      type: "revision",
      runId: randomUUID(),
      createdAt: Date.now(),
      cancelled: false,
    } as const;
    return { ...(await this.#accept(conversationId, turn)), messageId };
  }

  async #accept(conversationId: string, turn: Turn): Promise<Acceptance> {
    const acceptance = await this.#options.storage.store.accept(conversationId, turn);
    // Of a known message too: its line may have come to a standstill when storage was away.
    if (acceptance.state !== "finished") this.#live.queueOf(conversationId).wake();
    return acceptance;
  }

  async #look(id: string): Promise<{ page: ConversationPage; head: LogHead }> {
    const { store, log } = this.#options.storage;
    const page = await store.page(id, { limit: SNAPSHOT_MESSAGES });
    // Somebody owes an answer here: whoever holds the lease is at it, or nobody is, and then we are.
    if (page.conversation.line.length > 0) this.#live.queueOf(id).wake();
    return { page, head: await log.open(id) };
  }
}
