// Where the visitor writes: Enter sends, Shift and Enter begins a line, Escape stops the reply. What was not sent is
// kept in this tab; the other windows of the conversation are told that somebody writes.

import { createElement, setText } from "#app/web/element.ts";
import type { TextStorage } from "#app/web/session-record.ts";
import type { ConversationState } from "#app/web/transcript.ts";
import { createButton, onFieldKeys } from "./controls.ts";
import { canBeStopped } from "./present-run.ts";
import type { Words } from "./words.ts";

export interface ComposerActions {
  readonly onSend: (text: string) => void;
  readonly onStop: () => void;
  readonly onTyping: (isTyping: boolean) => void;
}

const DRAFT = "draft";
/** Silence after which nobody is writing any more. */
const TYPING_ENDS_MS = 4_000;

export class ComposerView {
  readonly element: HTMLFormElement;
  readonly #field: HTMLTextAreaElement;
  readonly #send: HTMLButtonElement;
  readonly #stop: HTMLButtonElement;
  readonly #excess = createElement("p", { class: "excess", attributes: { id: "excess", role: "status" } });
  readonly #words: Words;
  readonly #drafts: TextStorage;
  readonly #actions: ComposerActions;
  #maxChars = Number.POSITIVE_INFINITY;
  #typingTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(words: Words, drafts: TextStorage, actions: ComposerActions) {
    this.#words = words;
    this.#drafts = drafts;
    this.#actions = actions;
    this.#field = this.#createField();
    this.#send = createButton({
      label: words.say("send"),
      icon: "send",
      class: "send",
      attributes: { type: "submit" },
    });
    this.#stop = createElement("button", {
      class: "icon-button stop",
      attributes: { type: "button", "aria-label": words.say("stop"), title: words.say("stop") },
      children: [createElement("i", { class: "square" })],
      onClick: () => {
        actions.onStop();
        this.focus();
      },
    });
    this.#stop.hidden = true;
    const hint = createElement("p", {
      class: "unseen",
      text: words.say("sentAs"),
      attributes: { id: "hint" },
    });
    const box = createElement("div", { class: "field", children: [this.#field, this.#stop, this.#send] });
    this.element = createElement("form", {
      class: "composer",
      attributes: { part: "composer" },
      children: [this.#excess, box, hint],
    });
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#changed();
  }

  draw(state: ConversationState): void {
    const { maxMessageChars, persona } = state;
    this.#maxChars = maxMessageChars ?? Number.POSITIVE_INFINITY;
    this.#stop.hidden = !canBeStopped(state);
    this.#field.placeholder = persona
      ? this.#words.say("writeTo", { name: persona.name })
      : this.#words.say("write");
    this.#changed();
  }

  focus(): void {
    this.#field.focus({ preventScroll: true });
  }

  /** Puts a text back before what is written there now. */
  takeBack(text: string): void {
    this.#field.value = [text, this.#field.value].filter((part) => part.trim() !== "").join("\n");
    this.#changed();
    this.focus();
  }

  release(): void {
    this.#setTyping(false);
  }

  #createField(): HTMLTextAreaElement {
    const field = createElement("textarea", {
      attributes: {
        rows: "1",
        dir: "auto",
        enterkeyhint: "send",
        autocomplete: "off",
        "aria-label": this.#words.say("composer"),
        "aria-describedby": "hint excess",
        part: "field",
      },
    });
    field.value = this.#drafts.getItem(DRAFT) ?? "";
    field.addEventListener("input", () => {
      this.#changed();
      this.#setTyping(field.value.trim() !== "");
    });
    onFieldKeys(field, {
      onEnter: () => this.#submit(),
      onEscape: () => {
        if (this.#stop.hidden) return false;
        this.#actions.onStop();
        return true;
      },
    });
    return field;
  }

  #submit(): void {
    const text = this.#field.value.trim();
    if (text === "" || text.length > this.#maxChars) return;
    this.#field.value = "";
    this.#changed();
    this.#setTyping(false);
    this.#actions.onSend(text);
  }

  #changed(): void {
    const { value } = this.#field;
    const excess = value.trim().length - this.#maxChars;
    this.#send.disabled = value.trim() === "" || excess > 0;
    this.#field.ariaInvalid = String(excess > 0);
    setText(this.#excess, excess > 0 ? this.#words.say("tooLong", { count: excess }) : "");
    this.#drafts.setItem(DRAFT, value);
    // For browsers without `field-sizing`: as many lines as there are, and the style sheet says how many are shown.
    this.#field.rows = Math.min(8, value.split("\n").length);
  }

  #setTyping(isTyping: boolean): void {
    const wasTyping = this.#typingTimer !== undefined;
    clearTimeout(this.#typingTimer);
    this.#typingTimer = isTyping ? setTimeout(() => this.#setTyping(false), TYPING_ENDS_MS) : undefined;
    if (isTyping !== wasTyping) this.#actions.onTyping(isTyping);
  }
}
