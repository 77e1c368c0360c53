// The page's hold on the widget: who shall answer, and what is asked. Waits for the widget's script, and says when it
// does not come. Talking itself is the widget's.

import type { PersonaRef } from "#app/models/persona.ts";

/** What the page uses of `<persona-chat>`. */
interface PersonaChat extends HTMLElement {
  open(): void;
  send(text: string): void;
  choose(partner: PersonaRef): void;
}

const NAME = "persona-chat";
const PATIENCE_MS = 8_000;

export class Chat {
  readonly #onMissing: (isMissing: boolean) => void;
  #opener: HTMLElement | undefined;

  /** @param onMissing told that the widget cannot be had, and when it has come after all */
  constructor(onMissing: (isMissing: boolean) => void) {
    this.#onMissing = onMissing;
    document.querySelector(NAME)?.addEventListener("close", () => this.#goBack());
  }

  /** Opens the chat with somebody; `question` is asked at once. Never rejects. */
  async speakWith(partner: PersonaRef, question?: string): Promise<void> {
    this.#opener = document.activeElement instanceof HTMLElement ? document.activeElement : undefined;
    const patience = setTimeout(() => this.#onMissing(true), PATIENCE_MS);
    await customElements.whenDefined(NAME);
    clearTimeout(patience);
    this.#onMissing(false);
    const chat = document.querySelector(NAME);
    if (!isPersonaChat(chat)) return;
    chat.choose(partner);
    chat.open();
    if (question) chat.send(question);
  }

  setAttribute(name: "locale" | "theme", value: string): void {
    document.querySelector(NAME)?.setAttribute(name, value);
  }

  /** Back to where the visitor was in the page, unless they have gone elsewhere already. */
  #goBack(): void {
    if (document.activeElement?.localName === NAME) this.#opener?.focus({ preventScroll: true });
    this.#opener = undefined;
  }
}

function isPersonaChat(element: Element | null): element is PersonaChat {
  return element !== null && "choose" in element && "send" in element && "open" in element;
}
