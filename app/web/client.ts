// The client of a conversation, for a browser and for Node 22 and later: no framework, no DOM, no dependencies.
// Promises: what was handed to `send` goes out once, in order, over any number of connections, until the server
// accepts or refuses it; every event is applied once. Who listens gets the whole state, which never changes in place.

import type { PersonaRef } from "#app/models/persona.ts";
import { createAddresses, type ServerAddresses } from "./addresses.ts";
import type { ChatClientEvents, ChatClientOptions } from "./client-options.ts";
import { ClientStore, type Listener } from "./client-store.ts";
import {
  type ExportedConversation,
  eraseConversation,
  fetchConversation,
  RequestError,
} from "./conversation-requests.ts";
import { Dialogue } from "./dialogue.ts";
import { createSecret } from "./session-record.ts";
import type { ConversationState } from "./transcript.ts";

/** How many older messages are asked for at a time. */
const PAGE_MESSAGES = 50;

export class ChatClient {
  readonly #addresses: ServerAddresses;
  readonly #store: ClientStore;
  readonly #dialogue: Dialogue;

  constructor(options: ChatClientOptions) {
    this.#addresses = createAddresses(options);
    this.#store = new ClientStore(options.storage, () => this.#dialogue.changed());
    this.#dialogue = new Dialogue(this.#store, this.#addresses, options);
  }

  get state(): ConversationState {
    return this.#store.state;
  }

  /** What the visitor has typed and not sent; kept over a reload. */
  get draft(): string {
    return this.#store.record.draft;
  }

  set draft(text: string) {
    if (text !== this.draft) this.#store.save({ draft: text });
  }

  on<Name extends keyof ChatClientEvents>(name: Name, listener: Listener<Name>): () => void {
    return this.#store.on(name, listener);
  }

  /** Connects; also what the visitor's next action calls after an idle end, or to hurry a wait. */
  wake(): void {
    this.#dialogue.link.open();
  }

  /** Says something; returns the id under which it goes out, however often it has to. A draft of it is done with. */
  send(text: string): string {
    const id = createSecret();
    this.#store.apply({ type: "queued", message: { id, text } });
    if (this.draft.trim() === text.trim()) this.draft = "";
    this.setTyping(false);
    this.wake();
    this.#dialogue.flush();
    return id;
  }

  stop(): void {
    this.#dialogue.link.send({ type: "stop", commandId: "stop" });
  }

  /** Answers a message again, the visitor's last one where none is named. */
  regenerate(messageId = this.#lastQuestionId()): void {
    if (messageId !== undefined) this.#dialogue.command({ type: "regenerate", messageId });
  }

  /** Lets a message say something else; what followed it goes, and it is answered anew. */
  edit(messageId: string, text: string): void {
    this.#dialogue.command({ type: "edit", messageId, text });
  }

  /** Judges a reply; shown when the server has stored it. */
  rate(messageId: string, rating: "up" | "down", comment?: string): void {
    this.#dialogue.command({ type: "feedback", messageId, rating, comment });
  }

  /** Lets the other connections of the conversation know; may be called at every keystroke. */
  setTyping(isTyping: boolean): void {
    this.#dialogue.typing.set(isTyping);
  }

  /** Asks for the page of messages before the first one; nothing where there are none, or it is on its way. */
  loadOlder(): void {
    const before = this.state.messages.find(({ type }) => type === "message")?.id;
    if (before === undefined || !this.state.hasOlder || this.#dialogue.awaits("history")) return;
    this.#dialogue.command({ type: "history", before, limit: PAGE_MESSAGES });
  }

  /** Who answers from now on; waits for the connection where there is none. */
  choose(persona: PersonaRef): void {
    this.wake();
    this.#dialogue.joining.choose(persona);
  }

  /** Language of the greetings of conversations that begin from now on. */
  setLocale(locale: string): void {
    this.#dialogue.joining.locale = locale;
  }

  /** Leaves this conversation for a new, empty one with the same partner. */
  startAnew(): void {
    this.#dialogue.begin({ type: "cleared" });
    this.wake();
    this.#dialogue.joining.join();
  }

  /** The whole conversation as the server holds it. @throws RequestError */
  exportConversation(): Promise<ExportedConversation> {
    return this.#ask(fetchConversation);
  }

  /** Erases the conversation on the server and everywhere it is shown, then begins anew. @throws RequestError */
  async erase(): Promise<void> {
    this.#dialogue.isErasing = true;
    try {
      await this.#ask(eraseConversation);
      this.#dialogue.begin({ type: "cleared" });
      this.draft = "";
      this.#dialogue.link.renew();
    } finally {
      this.#dialogue.isErasing = false;
    }
  }

  close(): void {
    this.#dialogue.close();
  }

  #lastQuestionId(): string | undefined {
    const { messages, waiting } = this.state;
    return [...messages, ...waiting].findLast((item) => item.type === "message" && item.role === "user")?.id;
  }

  async #ask<Answer>(request: (address: string, token: string) => Promise<Answer>): Promise<Answer> {
    const { conversationId, resumeToken } = this.#store.record;
    try {
      return await request(this.#addresses.conversation(conversationId), resumeToken);
    } catch (error) {
      if (error instanceof RequestError) this.#store.apply({ type: "failed", problem: error.problem });
      throw error;
    }
  }
}

/** A client that is connecting. */
export function createChatClient(options: ChatClientOptions): ChatClient {
  const client = new ChatClient(options);
  client.wake();
  return client;
}
