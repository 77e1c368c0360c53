// One connection's conversation: carries out what its client says, frame by frame, and tells it what became of it.
// Knows no transport but "send a frame". Errors are thrown as AppErrors; the endpoint answers them.

import { AppError } from "#app/core/errors.ts";
import type { Metrics } from "#app/core/metrics.ts";
import { createToken } from "#app/core/secrets.ts";
import type { ClientFrame, JoinFrame, MessageFrame } from "#app/models/client-frame.ts";
import type { Conversation } from "#app/models/conversation.ts";
import type { PersonaRef } from "#app/models/persona.ts";
import { type ConnectionFrames, encodeConnectionFrame, encodeSnapshot } from "#app/models/server-event.ts";
import type { Conversations, OpenedConversation } from "./conversations.ts";
import { isReturn, languageOf, positionOf, refOf } from "./join-wish.ts";
import type { Acceptance } from "./memory.ts";
import { showMessage, snapshotOf } from "./message-view.ts";
import { showPersona } from "./persona-view.ts";
import type { Reader, ReaderTransport } from "./reader.ts";
import { TypingNotice } from "./typing-notice.ts";

export interface SessionOptions {
  /** Names the connection to those who read along. */
  readonly connectionId: string;
  readonly conversations: Conversations;
  readonly transport: ReaderTransport;
  /** Who answers a new conversation where the frame that makes it names nobody. */
  readonly chosen: PersonaRef | undefined;
  /** Stands for the visitor, for limits. */
  readonly visitor: string;
  /** Takes from the visitor's allowance for what costs something. @throws AppError `rate_limited` */
  readonly take: (what: "message" | "join") => Promise<void>;
  readonly metrics?: Metrics | undefined;
}

export class ChatSession {
  readonly #options: SessionOptions;
  #conversation: Conversation | undefined;
  #reader: Reader | undefined;
  #closed = false;
  readonly #typing: TypingNotice;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#typing = new TypingNotice((state) => this.#tellOthers(state));
  }

  /** Resolves when the frame has been carried out. Frames have to be handed in one after the other. */
  async handle(frame: ClientFrame): Promise<void> {
    switch (frame.type) {
      case "join":
        return this.#join(frame);
      case "message":
        return this.#say(frame);
      case "ack":
        return this.#reader?.acknowledge(frame.seq);
      case "stop":
        return this.#options.conversations.turns.stop(this.#joined().id, frame.runId);
      case "persona":
        await this.#options.take("message");
        return this.#options.conversations.turns.switchPersona(
          this.#joined().id,
          refOf(frame) ?? missing("persona"),
        );
      case "regenerate":
      case "edit":
        return this.#revise(frame);
      case "history":
        return this.#showHistory(frame);
      case "feedback":
        return this.#rate(frame);
      case "typing":
        this.#joined();
        return this.#typing.set(frame.state);
      case "ping":
        return this.#send("pong", { ...(frame.t !== undefined && { t: frame.t }), ...idOf(frame) });
      default:
        frame satisfies never;
    }
  }

  /** Acts in a conversation without reading along. */
  attach(conversation: Conversation): void {
    this.#conversation = conversation;
  }

  /** The connection is gone. What runs goes on without it. */
  close(): void {
    this.#closed = true;
    this.#leave();
  }

  async #join(frame: JoinFrame): Promise<void> {
    if (!isReturn(frame)) await this.#options.take("join");
    await this.#arrive(frame);
  }

  /** On their way together: the look at the conversation, and the subscription to what happens in it. */
  async #arrive(frame: JoinFrame): Promise<void> {
    const id = frame.conversationId ?? createToken();
    const arrived = this.#options.conversations.expect(id);
    try {
      await this.#enterAt(id, frame);
    } finally {
      arrived();
    }
  }

  async #enterAt(id: string, frame: JoinFrame): Promise<void> {
    const opened = await this.#open(id, frame);
    if (this.#closed) return;
    const { recovered } = opened;
    if (recovered !== undefined)
      this.#options.metrics?.count("resumes_total", { recovered: String(recovered) });
    // Never a part: without the history there is only going on.
    if (opened.isDetached && !recovered) throw new AppError("storage_unavailable");
    // Before anything is said: a client that was told of its conversation must hear what happens in it.
    const reader = await this.#listen(opened);
    const { conversation } = opened.page;
    if (this.#closed) return this.#options.conversations.leave(conversation.id, reader);
    this.#enter(conversation, reader);
    this.#sendJoined(opened, { ...(recovered !== undefined && { recovered }), ...idOf(frame) });
    const after = recovered ? (frame.after ?? 0) : this.#sendSnapshot(opened);
    reader.start(after, opened.head);
  }

  #open(id: string, frame: JoinFrame): Promise<OpenedConversation> {
    const { conversations, visitor } = this.#options;
    const from = positionOf(frame);
    if (isReturn(frame)) return conversations.open(id, frame.resumeToken, from);
    // A token alone opens nothing.
    const given = frame.conversationId === undefined ? undefined : frame.resumeToken;
    const own = { id, resumeToken: given ?? createToken() };
    const persona = refOf(frame) ?? this.#options.chosen;
    return conversations.create({ own, persona, locale: languageOf(frame.locale), visitor, from });
  }

  #enter(conversation: Conversation, reader: Reader): void {
    this.#leave();
    this.#conversation = conversation;
    this.#reader = reader;
  }

  #leave(): void {
    this.#typing.set("stop");
    if (this.#conversation && this.#reader) {
      this.#options.conversations.leave(this.#conversation.id, this.#reader);
    }
    this.#reader = undefined;
  }

  /** The history up to a position, unless the conversation has just begun; returns that position. */
  #sendSnapshot(opened: OpenedConversation): number {
    const { page, created } = opened;
    if (!created) this.#options.transport.send(encodeSnapshot(snapshotOf(page), page.conversation.seq));
    return page.conversation.seq;
  }

  async #listen(opened: OpenedConversation, isRejoin = false): Promise<Reader> {
    const { conversations, transport } = this.#options;
    const { conversation } = opened.page;
    let wasLevel = false;
    const reader: Reader = await conversations.listen({
      conversationId: conversation.id,
      transport,
      onLevel: (lastSeq) => {
        wasLevel = true;
        if (!opened.created) this.#send("replayed", { lastSeq });
      },
      onMoved: (head) => this.#sendJoined({ ...opened, head, created: false }, {}),
      onLost: (error) => {
        // A snapshot that cannot be continued either: with a store that answers at once, trying again would never yield.
        if (isRejoin && !wasLevel) transport.close("internalError");
        else void this.#rejoin(conversation, reader, error);
      },
    });
    return reader;
  }

  /** The log was cut or lost under the reader: a whole snapshot, never a part. */
  async #rejoin(conversation: Conversation, reader: Reader, error: unknown): Promise<void> {
    if (this.#closed || this.#reader !== reader) return;
    try {
      if (error !== undefined) throw error;
      const opened = await this.#options.conversations.reopen(conversation.id);
      if (opened.isDetached) throw new AppError("storage_unavailable");
      if (this.#closed || this.#reader !== reader) return;
      const next = await this.#listen(opened, true);
      if (this.#closed || this.#reader !== reader)
        return this.#options.conversations.leave(conversation.id, next);
      this.#enter(opened.page.conversation, next);
      this.#sendJoined(opened, { recovered: false });
      next.start(this.#sendSnapshot(opened), opened.head);
    } catch {
      // The client comes back with its position and hears from its join what is wrong.
      this.#options.transport.close("internalError");
    }
  }

  async #say(frame: MessageFrame): Promise<void> {
    const { take } = this.#options;
    const isFirst = !this.#conversation;
    await Promise.all([take("message"), isFirst && take("join")]);
    if (isFirst) {
      const persona = refOf(frame);
      await this.#arrive({
        type: "join",
        ...(persona?.kind === "persona" && { persona: persona.id }),
        ...(persona?.kind === "object" && { object: persona.id }),
      });
    }
    this.#sendAccepted(await this.#options.conversations.turns.say(this.#joined(), frame), frame);
  }

  async #revise(frame: ClientFrame & { type: "regenerate" | "edit" }): Promise<void> {
    const { conversations, take } = this.#options;
    const { turns } = conversations;
    const conversation = this.#joined();
    const paid = take("message");
    if (frame.type === "edit") {
      await paid;
      return this.#sendAccepted(await turns.edit(conversation, frame), frame);
    }
    // Looked up meanwhile: of a slow storage the visitor would wait for both.
    const looking = turns.questionOf(conversation.id, frame.messageId, paid);
    const [question] = await Promise.all([looking, paid]);
    this.#sendAccepted(await turns.regenerate(conversation, question), frame);
  }

  #sendAccepted(
    { messageId, runId, position, state, duplicate }: Acceptance & { messageId: string },
    frame: ClientFrame,
  ): void {
    const known = duplicate && { duplicate: true as const };
    this.#send("accepted", { messageId, runId, position, state, ...known, ...idOf(frame) });
  }

  async #rate(frame: ClientFrame & { type: "feedback" }): Promise<void> {
    const { messageId, rating, comment } = frame;
    const feedback = { rating, ...(comment !== undefined && { comment: comment.toWellFormed() }) };
    await this.#options.conversations.rate(this.#joined().id, messageId, feedback);
    this.#send("feedback.saved", { messageId, rating, ...idOf(frame) });
  }

  #tellOthers(state: "start" | "stop"): void {
    if (!this.#conversation) return;
    const { conversations, connectionId } = this.#options;
    const frame = encodeConnectionFrame("typing", { connectionId, state });
    conversations.whisper(this.#conversation.id, frame, this.#reader);
  }

  async #showHistory(frame: ClientFrame & { type: "history" }): Promise<void> {
    const { before, limit } = frame;
    const page = await this.#options.conversations.history(this.#joined().id, { before, limit });
    this.#send("history", {
      messages: page.messages.map(showMessage),
      before: page.messages[0]?.id ?? null,
      hasMore: page.olderCount > 0,
      ...idOf(frame),
    });
  }

  #sendJoined(opened: OpenedConversation, extra: { recovered?: boolean; commandId?: string }): void {
    const { conversations } = this.#options;
    const conversation = conversations.asOfNow(opened.page.conversation);
    this.#send("joined", {
      conversationId: conversation.id,
      ...(opened.resumeToken !== undefined && { resumeToken: opened.resumeToken }),
      epoch: opened.head.epoch,
      lastSeq: opened.head.lastSeq,
      ...(conversation.runningId !== undefined && { activeRunId: conversation.runningId }),
      persona: showPersona(conversations.personaOf(conversation), conversation.locale),
      new: opened.created,
      storage: conversations.storageKindOf(conversation.id),
      ...extra,
    });
  }

  #joined(): Conversation {
    return this.#conversation ?? missing("join");
  }

  #send<Name extends keyof ConnectionFrames>(name: Name, value: ConnectionFrames[Name]): void {
    this.#options.transport.send(encodeConnectionFrame(name, value));
  }
}

function idOf(frame: { commandId?: string | undefined }): { commandId?: string } {
  return frame.commandId === undefined ? {} : { commandId: frame.commandId };
}

function missing(what: "join" | "persona"): never {
  throw new AppError("invalid_frame", {
    message:
      what === "join" ? "Join a conversation first, or send a message." : "Name a persona or an object.",
    details: { fields: [{ field: what === "join" ? "type" : "persona", problem: "is needed first" }] },
  });
}
