// What can be done with a conversation: make it, open it, hand turns in, read back, listen, judge.
// Promises: nobody opens a conversation without its token. Holds the live part (channel and line) of every conversation
// that is open or running on this instance, and nothing else.

import { AppError, toAppError } from "#app/core/errors.ts";
import { createToken, hashToken, tokenMatches } from "#app/core/secrets.ts";
import type { Conversation, ConversationPage, Feedback } from "#app/models/conversation.ts";
import type { Persona, PersonaRef } from "#app/models/persona.ts";
import type { LogHead, LogSlice } from "./event-log.ts";
import { LiveConversations, type LiveConversationsOptions } from "./live-conversations.ts";
import type { Reader, ReaderOptions } from "./reader.ts";
import type { StorageKind } from "./storage-bundle.ts";
import { Turns } from "./turns.ts";

export type ConversationsOptions = LiveConversationsOptions;

/** A conversation that was opened, and where its log stands. */
export interface OpenedConversation {
  readonly page: ConversationPage;
  readonly head: LogHead;
  readonly created: boolean;
  /** Only of a conversation that was made just now by the server itself or by its client. */
  readonly resumeToken?: string;
  /** The storage is away: the history is not at hand, only what is being said just now. */
  readonly isDetached?: true;
  /** Whether everything after the {@link Position} can be proved to be there; absent where none was given. */
  readonly recovered?: boolean;
}

/** How far somebody has read. */
export interface Position {
  readonly epoch: string;
  readonly after: number;
}

/** How many finished messages a snapshot shows. */
const SNAPSHOT_MESSAGES = 50;
/** What was said while the storage was away is in it again so soon after it is back. */
const HOMECOMING_MS = 1_000;

export class Conversations {
  readonly #options: ConversationsOptions;
  readonly #live: LiveConversations;
  /** What visitors hand in. */
  readonly turns: Turns;

  constructor(options: ConversationsOptions) {
    this.#options = options;
    this.#live = new LiveConversations(options);
    this.turns = new Turns({
      store: options.storage.store,
      live: this.#live,
      admission: options.admission,
      persona: (ref) => this.persona(ref),
      personaNow: (conversation) => this.personaOf(this.asOfNow(conversation)),
    });
  }

  /** Where conversations live as long as nothing fails. */
  get storageKind(): StorageKind {
    return this.#options.storage.kind;
  }

  /** Where what is said in that conversation is kept at this moment. */
  storageKindOf(conversationId: string): StorageKind {
    const { storage } = this.#options;
    return storage.shelter?.detachedOf(conversationId) ? "memory" : storage.kindOf(conversationId);
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
    from?: Position | undefined;
  }): Promise<OpenedConversation> {
    const persona = this.persona(wish.persona);
    const id = wish.own?.id ?? createToken();
    const resumeToken = wish.own?.resumeToken ?? createToken();
    const { storage } = this.#options;
    const asked = storage.kindOf(id);
    const creating = storage.store.create({
      id,
      tokenHash: hashToken(resumeToken),
      persona: { kind: persona.kind, id: persona.id },
      ...(wish.locale !== undefined && { locale: wish.locale }),
      ...(wish.visitor !== undefined && { visitor: wish.visitor }),
      createdAt: Date.now(),
    });
    // On its way behind the other, and not after its answer: of a slow storage everybody would wait twice.
    const looking = this.#look(id, wish.from);
    looking.catch(() => undefined);
    const { created } = await creating;
    const again = () => this.#look(id, wish.from);
    // What memory has taken in while the storage is away is found there; and the look came first, where the other call had
    // to be made again.
    const opened = await (storage.kindOf(id) === asked
      ? looking.catch((error: unknown) => {
          if (toAppError(error).code === "conversation_not_found") return again();
          throw error;
        })
      : again());
    return { ...opened, created, ...(created && { resumeToken }) };
  }

  /** @throws AppError `conversation_not_found` for an unknown id and for a wrong token alike */
  async open(id: string, resumeToken: string, from?: Position): Promise<OpenedConversation> {
    const opened = await this.#look(id, from).catch((error: unknown) => this.#lookHere(id, error, from));
    assertOwn(opened.page.conversation, resumeToken);
    return { ...opened, created: false };
  }

  /** The conversation as it stands now, as far as that is known here. */
  asOfNow(conversation: Conversation): Conversation {
    const queue = this.#live.knownQueueOf(conversation.id);
    const { runningId: _, ...rest } = conversation;
    const runningId = queue ? queue.runningId : conversation.runningId;
    const persona = queue?.persona ?? conversation.persona;
    return { ...rest, persona, ...(runningId !== undefined && { runningId }) };
  }

  /** What {@link open} gives, for a connection that has shown the token before. */
  async reopen(id: string): Promise<OpenedConversation> {
    return { ...(await this.#look(id)), created: false };
  }

  /** Keeps what the visitor thinks of a finished message. @throws AppError `message_not_found` */
  async rate(conversationId: string, messageId: string, feedback: Feedback): Promise<void> {
    await this.#options.storage.store.amend(conversationId, { type: "feedback", messageId, feedback });
    this.#options.logger.info({ conversationId, messageId, rating: feedback.rating }, "feedback_saved");
  }

  /** Shows a frame of the moment to everybody else who reads the conversation, on whichever instance. */
  whisper(conversationId: string, frame: string, from: Reader | undefined): void {
    this.#live.whisper(conversationId, frame, from);
  }

  /**
   * A page for somebody who shows the token, without opening the conversation.
   * @throws AppError `conversation_not_found`, for a wrong token too, before anything else is told of it; `message_not_found`
   */
  async read(
    id: string,
    resumeToken: string,
    query: { before?: string | undefined; limit: number },
  ): Promise<ConversationPage> {
    const { store } = this.#options.storage;
    const page = await store.page(id, query.before === undefined ? query : { limit: 0 });
    assertOwn(page.conversation, resumeToken);
    return query.before === undefined ? page : store.page(id, query);
  }

  /**
   * Ends the conversation everywhere: nothing of it is kept, what runs is broken off, every connection is told and closed.
   * @throws AppError `conversation_not_found`, for a wrong token too; `storage_unavailable`, and then it may be done or not: asking again is harmless
   */
  async erase(id: string, resumeToken: string): Promise<void> {
    await this.#options.storage.store.amend(id, { type: "erased", tokenHash: hashToken(resumeToken) });
    this.#live.erase(id);
    this.#options.logger.info({ conversationId: id }, "conversation_erased");
  }

  /** A page of finished messages before one, or the newest. @throws AppError `message_not_found` */
  history(
    conversationId: string,
    query: { before?: string | undefined; limit: number },
  ): Promise<ConversationPage> {
    // Until it has been brought home, the store does not know of what was said last: never a part.
    if (this.#options.storage.shelter?.detachedOf(conversationId))
      return Promise.reject(new AppError("storage_unavailable", { retryAfterMs: HOMECOMING_MS }));
    return this.#options.storage.store.page(conversationId, query);
  }

  /** Somebody is about to {@link listen} there; until the result is called, what that waits for is under way. */
  expect(conversationId: string): () => void {
    return this.#live.expect(conversationId);
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

  /** What is being said here while the storage is away. @throws AppError the storage's own, where nothing is */
  async #lookHere(
    id: string,
    error: unknown,
    from: Position | undefined,
  ): Promise<Omit<OpenedConversation, "created">> {
    const life = isAway(error) ? this.#options.storage.shelter?.detachedOf(id) : undefined;
    if (!life) throw error;
    const page = { conversation: this.asOfNow(life.conversation), messages: [], olderCount: 0 };
    const slice = from && (await this.#readFrom(id, from));
    return {
      page,
      head: life.head,
      isDetached: true,
      ...(from && { recovered: slice?.epoch === life.epoch }),
    };
  }

  /**
   * All questions at once, in this order: a slow storage is waited for once. The head comes first: of a conversation
   * whose page was found behind it, it is no other's, made anew after an erasure. Where the head had to be asked for again
   * (of a primary that has just become one), the others were answered before, by another server perhaps: then what they
   * say does not hold for it.
   */
  async #look(id: string, from?: Position, isAgain = false): Promise<Omit<OpenedConversation, "created">> {
    const { store, log, shelter } = this.#options.storage;
    const [head, page, slice] = await Promise.all([
      log.open(id),
      store.page(id, { limit: SNAPSHOT_MESSAGES }),
      from && this.#readFrom(id, from),
    ]);
    // The storage may answer already, or still: what is being said here does not stand there yet.
    const isDetached = shelter?.detachedOf(id)?.epoch === head.epoch;
    const isOtherLife = !isDetached && (page.epoch ?? head.epoch) !== head.epoch;
    if ((isOtherLife || page.conversation.seq > head.lastSeq) && !isAgain) return this.#look(id, from, true);
    // Somebody owes an answer here: whoever holds the lease is at it, or nobody is, and then we are.
    if (page.conversation.line.length > 0) this.#live.queueOf(id).wake();
    const recovered = slice?.epoch === head.epoch;
    return { page, head, ...(isDetached && { isDetached }), ...(from && { recovered }) };
  }

  /** The proof that everything after a position is there, and so can be sent without a snapshot; undefined: it is not. */
  async #readFrom(id: string, from: Position): Promise<LogSlice | undefined> {
    const { log, shelter } = this.#options.storage;
    // The events before it are in the storage: who has not read them cannot be led from there to here.
    const life = shelter?.detachedOf(id);
    if (life && life.epoch !== from.epoch) return undefined;
    return log.read(id, { ...from, limit: 0 });
  }
}

function assertOwn(conversation: Conversation, resumeToken: string): void {
  if (!tokenMatches(resumeToken, conversation.tokenHash)) throw new AppError("conversation_not_found");
}

function isAway(error: unknown): boolean {
  return toAppError(error).code === "storage_unavailable";
}
