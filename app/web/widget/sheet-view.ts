// A sheet of paper laid over the chat: a list to choose from, or a question to answer. While it lies there, what is
// below it can be neither reached nor read; when it goes, the focus returns to where it was.

import { createElement } from "#app/web/element.ts";
import { createButton } from "./controls.ts";
import type { Words } from "./words.ts";

export interface SheetParts {
  readonly title: string;
  readonly class: string;
  readonly role: "dialog" | "alertdialog";
  readonly content: readonly Node[];
  /** Gets the focus; the button that closes the sheet where undefined. */
  readonly first: HTMLElement | undefined;
}

export class SheetView {
  readonly element: HTMLElement;
  readonly #below: HTMLElement;
  readonly #words: Words;
  #returnTo: HTMLElement | undefined;

  /** @param below what the sheet covers */
  constructor(below: HTMLElement, words: Words) {
    this.#below = below;
    this.#words = words;
    this.element = createElement("div", { class: "sheet" });
    this.element.hidden = true;
    this.element.addEventListener("click", (event) => {
      if (event.target === this.element) this.close();
    });
  }

  get isOpen(): boolean {
    return !this.element.hidden;
  }

  open({ title, class: name, role, content, first }: SheetParts, opener: HTMLElement): void {
    this.#returnTo = opener;
    const heading = createElement("h2", { text: title, attributes: { id: "sheet-title" } });
    const close = createButton({
      label: this.#words.say("close"),
      icon: "close",
      onClick: () => this.close(),
    });
    const head = createElement("div", { class: "sheet-head", children: [heading, close] });
    const panel = createElement("div", {
      class: `sheet-panel ${name}`,
      attributes: { role, "aria-modal": "true", "aria-labelledby": heading.id, part: "sheet" },
      children: [head, ...content],
    });
    this.element.replaceChildren(panel);
    this.element.hidden = false;
    this.#below.inert = true;
    (first ?? close).focus();
  }

  /** @param focusBack false where the caller puts the focus elsewhere */
  close(focusBack = true): void {
    if (!this.isOpen) return;
    this.element.hidden = true;
    this.element.replaceChildren();
    this.#below.inert = false;
    if (focusBack) this.#returnTo?.focus();
  }
}
