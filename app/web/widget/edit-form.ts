// The visitor's own message, opened to be changed. Enter sends it anew, Escape leaves it as it was.

import { createElement } from "#app/web/element.ts";
import { createButton, onFieldKeys } from "./controls.ts";
import type { Words } from "./words.ts";

export interface EditFormActions {
  readonly onSend: (text: string) => void;
  readonly onCancel: () => void;
}

export class EditForm {
  readonly element: HTMLFormElement;
  readonly #field: HTMLTextAreaElement;
  readonly #actions: EditFormActions;
  readonly #before: string;

  constructor(text: string, words: Words, actions: EditFormActions) {
    this.#actions = actions;
    this.#before = text;
    this.#field = createElement("textarea", {
      attributes: { "aria-label": words.say("editing"), rows: "1", dir: "auto" },
    });
    this.#field.value = text;
    onFieldKeys(this.#field, {
      onEnter: () => this.#send(),
      onEscape: () => {
        actions.onCancel();
        return true;
      },
    });
    const buttons = createElement("div", {
      class: "form-buttons",
      children: [
        createElement("span", { class: "form-note", text: words.say("editNote") }),
        createButton({ label: words.say("cancel"), class: "quiet", onClick: actions.onCancel }),
        createButton({ label: words.say("editSend"), class: "primary", attributes: { type: "submit" } }),
      ],
    });
    this.element = createElement("form", { class: "row-form", children: [this.#field, buttons] });
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
  }

  focus(): void {
    this.#field.focus();
    this.#field.setSelectionRange(this.#before.length, this.#before.length);
  }

  #send(): void {
    const text = this.#field.value.trim();
    if (text === "") return;
    if (text === this.#before.trim()) this.#actions.onCancel();
    else this.#actions.onSend(text);
  }
}
