// One conversation of a widget from its first opening to its removal: the client, what it keeps in the browser, and
// what the page is told. Draws nothing.

import type { PersonaRef } from "#app/models/persona.ts";
import { type ChatClient, createChatClient } from "#app/web/client.ts";
import type { ConversationState } from "#app/web/transcript.ts";
import type { StorageScope } from "./scoped-storage.ts";
import { toWidgetEvents, type WidgetEvent } from "./widget-events.ts";
import type { Locale } from "./words.ts";

export interface SessionOptions {
  readonly host: string;
  readonly partner: PersonaRef | undefined;
  readonly locale: Locale;
  readonly scope: StorageScope;
  readonly onChange: (state: ConversationState) => void;
  readonly onEvent: (event: WidgetEvent) => void;
}

export class ChatSession {
  readonly client: ChatClient;
  readonly #closed = new AbortController();
  #before: ConversationState;

  constructor({ host, partner, locale, scope, onChange, onEvent }: SessionOptions) {
    this.client = createChatClient({
      host,
      locale,
      storage: scope.lasting,
      persona: partner,
    });
    this.#before = this.client.state;
    const { signal } = this.#closed;
    const forget = this.client.on("change", (state) => {
      const events = toWidgetEvents(this.#before, state);
      this.#before = state;
      for (const event of events) onEvent(event);
      onChange(state);
    });
    // The network is back, or the visitor is: no reason to sit out a wait.
    const hurry = () => {
      if (this.client.state.link.status === "waiting" && !document.hidden) this.client.wake();
    };
    signal.addEventListener("abort", forget);
    addEventListener("online", hurry, { signal });
    document.addEventListener("visibilitychange", hurry, { signal });
  }

  get state(): ConversationState {
    return this.client.state;
  }

  /** Goes on with somebody else; nothing where they speak already. */
  choose(partner: PersonaRef): void {
    const { persona } = this.client.state;
    if (persona && persona.kind === partner.kind && persona.id === partner.id) return;
    this.client.choose(partner);
  }

  /** Greeting and suggestions come in the new language where nothing has been said yet. */
  setLocale(locale: Locale): void {
    this.client.setLocale(locale);
    const { messages, waiting, unsent, past } = this.client.state;
    if (messages.length + waiting.length + unsent.length + past.length === 0) this.client.startAnew();
  }

  close(): void {
    this.#closed.abort();
    this.client.close();
  }
}
