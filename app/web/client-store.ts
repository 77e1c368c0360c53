// What a client knows: the state that is shown, and the record that a reload finds. Tells whoever listens of each change.
// Promises: what is unsent in the state is unsent in the record; a listener gets a whole state that never changes.

import type { ChatClientEvents } from "./client-options.ts";
import { type ConversationAction, INITIAL_STATE, reduceConversation } from "./conversation-state.ts";
import {
  createRecord,
  loadRecord,
  type SessionRecord,
  saveRecord,
  type TextStorage,
} from "./session-record.ts";
import type { ConversationState } from "./transcript.ts";

export type Listener<Name extends keyof ChatClientEvents> = (value: ChatClientEvents[Name]) => void;
type Listeners = { readonly [Name in keyof ChatClientEvents]: Set<Listener<Name>> };

export class ClientStore {
  /** The record was there before: a reload, or a tab that was copied. */
  readonly isReturning: boolean;
  readonly #storage: TextStorage | undefined;
  readonly #listeners: Listeners = { change: new Set(), ended: new Set() };
  /** Hears of a change before the listeners do. */
  readonly #onChange: () => void;
  #state: ConversationState;
  #record: SessionRecord;

  constructor(storage: TextStorage | undefined, onChange: () => void) {
    this.#storage = storage;
    this.#onChange = onChange;
    const found = loadRecord(storage);
    this.isReturning = found !== undefined;
    this.#record = found ?? createRecord();
    this.#state = { ...INITIAL_STATE, unsent: this.#record.unsent };
  }

  get state(): ConversationState {
    return this.#state;
  }

  get record(): SessionRecord {
    return this.#record;
  }

  on<Name extends keyof ChatClientEvents>(name: Name, listener: Listener<Name>): () => void {
    this.#listeners[name].add(listener);
    return () => {
      this.#listeners[name].delete(listener);
    };
  }

  tellEnded(conversationId: string): void {
    for (const listener of this.#listeners.ended) listener({ conversationId });
  }

  apply(action: ConversationAction): void {
    const before = this.#state;
    this.#state = reduceConversation(before, action);
    if (this.#state === before) return;
    if (this.#state.unsent !== before.unsent) this.save({ unsent: this.#state.unsent });
    this.#onChange();
    for (const listener of this.#listeners.change) listener(this.#state);
  }

  save(change: Partial<SessionRecord>): void {
    this.#record = { ...this.#record, ...change };
    saveRecord(this.#storage, this.#record);
  }

  /** Another conversation from here on; `action` says what becomes of what is shown. */
  begin(action: ConversationAction): void {
    this.#record = { ...createRecord(), draft: this.#record.draft };
    this.apply(action);
    this.save({ unsent: this.#state.unsent });
  }
}
