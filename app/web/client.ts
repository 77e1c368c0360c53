// The client of a conversation, for a browser and for Node 22 and later: no framework, no DOM, no dependencies.
// Promises: what was handed to `send` goes out once, in order, over any number of connections, until the server
// accepts or refuses it; every event is applied once. Who listens gets the whole state, which never changes in place.

import type { PersonaRef } from "#app/models/persona.ts";
import type { ConnectionFrames } from "#app/models/server-event.ts";
import type { ChatClientEvents, ChatClientOptions } from "./client-options.ts";
import { toProbeUrl } from "./connection-policy.ts";
import { type ConversationAction, INITIAL_STATE, reduceConversation } from "./conversation-state.ts";
import { Link } from "./link.ts";
import { Outbox } from "./outbox.ts";
import { ReadingReceipts } from "./reading-receipts.ts";
import { type ConnectionFrame, parseServerFrame, type ServerFrame } from "./server-frame.ts";
import { createRecord, createSecret, loadRecord, type SessionRecord, saveRecord } from "./session-record.ts";
import type { ConversationState, Problem } from "./transcript.ts";
import { Watch } from "./watch.ts";

type Listener<Name extends keyof ChatClientEvents> = (value: ChatClientEvents[Name]) => void;
type Listeners = { readonly [Name in keyof ChatClientEvents]: Set<Listener<Name>> };

const TRY_AGAIN_MS = 2_000;
const CHOICE = "persona";

export class ChatClient {
  readonly #options: ChatClientOptions;
  readonly #link: Link;
  readonly #outbox: Outbox;
  readonly #watch: Watch;
  readonly #receipts: ReadingReceipts;
  readonly #listeners: Listeners = { change: new Set(), ended: new Set() };
  #state: ConversationState;
  #record: SessionRecord;
  #locale: string | undefined;
  /** Chosen by the visitor and not yet confirmed by the server. */
  #wanted: PersonaRef | undefined;
  /** Names the latest join, so that the answer to an earlier one is not taken for it. */
  #joinId = "";
  #joinTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: ChatClientOptions) {
    this.#options = options;
    this.#locale = options.locale;
    const found = loadRecord(options.storage);
    this.#record = found ?? createRecord();
    this.#wanted = found ? undefined : options.persona;
    this.#state = { ...INITIAL_STATE, unsent: this.#record.unsent };
    this.#link = new Link({
      url: options.url,
      probeUrl: () => toProbeUrl(options.url, this.#wanted ?? this.#state.persona),
      backoff: options.backoff,
      random: options.random,
      onOpen: () => this.#join(),
      onText: (text) => this.#receive(text),
      onState: (link) => this.#apply({ type: "link", link }),
    });
    this.#outbox = new Outbox((frame) => this.#link.send(frame));
    this.#watch = new Watch(this.#link, options.patienceMs);
    this.#receipts = new ReadingReceipts((seq) => {
      if (this.#state.joined) this.#link.send({ type: "ack", seq });
    });
  }

  get state(): ConversationState {
    return this.#state;
  }

  on<Name extends keyof ChatClientEvents>(name: Name, listener: Listener<Name>): () => void {
    this.#listeners[name].add(listener);
    return () => {
      this.#listeners[name].delete(listener);
    };
  }

  /** Connects; also what the visitor's next action calls after an idle end, or to hurry a wait. */
  wake(): void {
    this.#link.open();
  }

  /** Says something; returns the id under which it goes out, however often it has to. */
  send(text: string): string {
    const id = createSecret();
    this.#apply({ type: "queued", message: { id, text } });
    this.wake();
    this.#flush();
    return id;
  }

  stop(): void {
    this.#link.send({ type: "stop", commandId: "stop" });
  }

  /** Who answers from now on; waits for the connection where there is none. */
  choose(persona: PersonaRef): void {
    this.#wanted = persona;
    this.wake();
    if (this.#state.joined) this.#sendChoice();
  }

  /** Language of the greetings of conversations that begin from now on. */
  setLocale(locale: string): void {
    this.#locale = locale;
  }

  /** Leaves this conversation for a new, empty one with the same partner. */
  startAnew(): void {
    this.#begin(this.#state.persona, { type: "cleared" });
    this.wake();
    this.#join();
  }

  close(): void {
    clearTimeout(this.#joinTimer);
    this.#receipts.reset(0);
    this.#outbox.forget();
    this.#watch.close();
    this.#link.close();
  }

  #apply(action: ConversationAction): void {
    const before = this.#state;
    this.#state = reduceConversation(before, action);
    if (this.#state === before) return;
    if (this.#state.unsent !== before.unsent) this.#save({ unsent: this.#state.unsent });
    if (!this.#state.joined) this.#outbox.forget();
    this.#watchLine();
    for (const listener of this.#listeners.change) listener(this.#state);
  }

  #join(): void {
    clearTimeout(this.#joinTimer);
    this.#joinId = createSecret();
    const { conversationId, resumeToken, joined } = this.#record;
    const { epoch, seq } = this.#state;
    this.#link.send({
      type: "join",
      commandId: this.#joinId,
      conversationId,
      resumeToken,
      ...(joined ? {} : { create: true, ...(this.#wanted ? { [this.#wanted.kind]: this.#wanted.id } : {}) }),
      ...(joined && epoch !== undefined ? { epoch, after: seq } : {}),
      ...(this.#locale === undefined ? {} : { locale: this.#locale }),
    });
  }

  /** Silence is a fault only while the server owes something: a join, an acceptance, a reply. */
  #watchLine(): void {
    const { link, joined, run } = this.#state;
    this.#watch.expect(link.status === "online" && (!joined || this.#outbox.isWaiting || run !== undefined));
  }

  #receive(text: string): void {
    this.#watch.heard();
    const frame = parseServerFrame(text);
    if (!frame || this.#isForeign(frame)) return;
    if (frame.kind === "event" && frame.seq > this.#state.seq + 1) {
      this.#joinWithoutPosition();
      return;
    }
    if (frame.kind === "connection" && frame.name === "accepted") this.#outbox.settle(frame.value.messageId);
    this.#apply({ type: "frame", frame });
    if (frame.kind === "connection") this.#follow(frame);
    if (frame.kind !== "event") return;
    this.#receipts.read(this.#state.seq);
    const { type, ...event } = frame.event ?? {};
    // A run that ends makes room in the line.
    if (type === "RUN_FINISHED" || type === "RUN_ERROR") this.#flush();
    if ("name" in event && event.name === "persona.changed") this.#wanted = undefined;
  }

  /** Frames of a conversation that has been left, still on their way. */
  #isForeign(frame: ServerFrame): boolean {
    if (frame.kind !== "connection") return !this.#state.joined;
    return frame.name === "joined" && frame.value.conversationId !== this.#record.conversationId;
  }

  /** A gap should never be; whatever made it, the whole is asked for again rather than shown with a hole. */
  #joinWithoutPosition(): void {
    this.#apply({ type: "position-lost" });
    this.#join();
  }

  #follow(frame: ConnectionFrame): void {
    if (frame.name === "draining") this.#link.announce(frame.value.reconnectInMs);
    if (frame.name === "joined") this.#joined(frame.value);
    if (frame.name === "accepted") this.#flush();
    if (frame.name === "error") this.#refused(frame.value);
  }

  #joined({ persona }: ConnectionFrames["joined"]): void {
    this.#receipts.reset(this.#state.seq);
    if (!this.#record.joined) this.#save({ joined: true });
    if (this.#wanted && (this.#wanted.id !== persona.id || this.#wanted.kind !== persona.kind)) {
      this.#sendChoice();
    } else this.#wanted = undefined;
    this.#flush();
  }

  #refused(error: ConnectionFrames["error"]): void {
    const { code, message, retryAfterMs, commandId } = error;
    const problem = { code, message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
    if (commandId === this.#joinId) {
      this.#joinRefused(problem);
      return;
    }
    if (commandId !== undefined && this.#outbox.holds(commandId)) {
      this.#messageRefused(commandId, problem, error.retryable);
      return;
    }
    if (commandId === CHOICE) this.#wanted = undefined;
    if (code !== "already_finished") this.#apply({ type: "failed", problem });
  }

  #messageRefused(id: string, problem: Problem, retryable: boolean): void {
    this.#outbox.settle(id);
    if (!retryable) {
      this.#apply({ type: "refused", id, problem });
      this.#flush();
      return;
    }
    this.#apply({ type: "failed", problem });
    // A full line is tried again when a run ends; everything else when its time has come.
    if (problem.code === "queue_full" && this.#state.run) return;
    this.#outbox.pause(problem.retryAfterMs ?? TRY_AGAIN_MS, () => this.#flush());
  }

  #joinRefused(problem: Problem): void {
    const { conversationId } = this.#record;
    if (problem.code === "conversation_not_found") {
      this.#begin(this.#state.persona, { type: "lost" });
      for (const listener of this.#listeners.ended) listener({ conversationId });
      this.#join();
      return;
    }
    this.#apply({ type: "failed", problem });
    if (problem.code === "persona_not_found" && this.#wanted) {
      this.#wanted = undefined;
      this.#join();
      return;
    }
    this.#joinTimer = setTimeout(() => this.#join(), problem.retryAfterMs ?? TRY_AGAIN_MS);
  }

  #begin(persona: PersonaRef | undefined, action: ConversationAction): void {
    this.#wanted = persona ?? this.#wanted ?? this.#options.persona;
    this.#receipts.reset(0);
    this.#outbox.forget();
    this.#record = createRecord();
    this.#apply(action);
    this.#save({ unsent: this.#state.unsent });
  }

  #sendChoice(): void {
    if (!this.#wanted) return;
    this.#link.send({ type: "persona", commandId: CHOICE, [this.#wanted.kind]: this.#wanted.id });
  }

  #flush(): void {
    if (!this.#state.joined) return;
    this.#outbox.flush(this.#state.unsent);
    this.#watchLine();
  }

  #save(change: Partial<SessionRecord>): void {
    this.#record = { ...this.#record, ...change };
    saveRecord(this.#options.storage, this.#record);
  }
}

/** A client that is connecting. */
export function createChatClient(options: ChatClientOptions): ChatClient {
  const client = new ChatClient(options);
  client.wake();
  return client;
}
