// Where the visitor writes: Enter sends, Shift and Enter begins a line, Escape stops. Keeps what was not sent.

import { findElement, setText } from "./element.ts";
import type { Words } from "./page-texts.ts";
import type { ConversationState } from "./transcript.ts";

export interface ComposerActions {
  readonly onSend: (text: string) => void;
  readonly onStop: () => void;
}

const DRAFT_KEY = "parley.draft.v1";

export class ComposerView {
  readonly #field = findElement("message", HTMLTextAreaElement);
  readonly #send = findElement("send", HTMLButtonElement);
  readonly #stop = findElement("stop", HTMLButtonElement);
  readonly #hint = findElement("composer-hint", HTMLElement);
  readonly #actions: ComposerActions;
  #maxChars = Number.POSITIVE_INFINITY;
  #words: Words | undefined;

  constructor(actions: ComposerActions) {
    this.#actions = actions;
    this.#field.value = readDraft();
    this.#field.addEventListener("input", () => this.#changed());
    this.#field.addEventListener("keydown", (event) => this.#pressed(event));
    findElement("composer", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#stop.addEventListener("click", () => {
      this.#actions.onStop();
      this.#field.focus();
    });
  }

  draw(state: ConversationState, words: Words): void {
    this.#words = words;
    this.#maxChars = state.maxMessageChars ?? Number.POSITIVE_INFINITY;
    this.#stop.hidden = state.run === undefined;
    this.#field.placeholder = state.persona ? words.say("writeTo", { name: state.persona.name }) : "";
    this.#changed();
  }

  focus(): void {
    this.#field.focus();
  }

  #submit(): void {
    const text = this.#field.value.trim();
    if (text === "" || text.length > this.#maxChars) return;
    this.#field.value = "";
    this.#changed();
    this.#actions.onSend(text);
  }

  #pressed(event: KeyboardEvent): void {
    // While an input method composes a character, Enter belongs to it.
    if (event.isComposing) return;
    if (event.key === "Escape" && !this.#stop.hidden) this.#actions.onStop();
    if (event.key !== "Enter" || event.shiftKey) return;
    event.preventDefault();
    this.#submit();
  }

  #changed(): void {
    const { value } = this.#field;
    const excess = value.trim().length - this.#maxChars;
    this.#send.disabled = value.trim() === "" || excess > 0;
    this.#field.setAttribute("aria-invalid", String(excess > 0));
    if (this.#words) {
      setText(
        this.#hint,
        excess > 0 ? this.#words.say("tooLong", { count: excess }) : this.#words.say("sentAs"),
      );
    }
    this.#hint.classList.toggle("problem", excess > 0);
    saveDraft(value);
  }
}

function readDraft(): string {
  try {
    return sessionStorage.getItem(DRAFT_KEY) ?? "";
  } catch {
    // Storage is forbidden here: a draft then lives as long as the page.
    return "";
  }
}

function saveDraft(text: string): void {
  try {
    sessionStorage.setItem(DRAFT_KEY, text);
  } catch {
    // As above.
  }
}
