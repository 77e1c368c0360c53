// One line of the transcript. Its element lives as long as the line, so that a streaming reply only grows and a
// reader's selection, focus and place survive.

import { createElement, setText } from "#app/web/element.ts";
import { MarkdownView } from "#app/web/markdown/markdown-view.ts";
import { createEditForm } from "./edit-form.ts";
import type { RowActions } from "./row-actions.ts";
import type { RowForm } from "./row-form.ts";
import { createRowTools, type RowTools } from "./row-tools.ts";
import type { Row } from "./rows.ts";
import type { Words } from "./words.ts";

export class RowView {
  readonly element = createElement("li");
  readonly #words: Words;
  readonly #actions: RowActions;
  readonly #speaker = createElement("p", { class: "speaker" });
  readonly #body = createElement("div", { class: "body", attributes: { dir: "auto" } });
  readonly #notes = createElement("p", { class: "notes" });
  #row: Row | undefined;
  #markdown: MarkdownView | undefined;
  #tools: RowTools | undefined;
  #form: RowForm | undefined;

  constructor(words: Words, actions: RowActions) {
    this.#words = words;
    this.#actions = actions;
    this.element.append(this.#speaker, this.#body, this.#notes);
  }

  draw(row: Row): void {
    if (row === this.#row) return;
    const before = this.#row;
    this.#row = row;
    const name = `row ${row.kind} ${row.state}`.trim();
    if (this.element.className !== name) this.element.className = name;
    if (!before) this.element.setAttribute("part", `row ${row.kind}`);
    setText(this.#speaker, row.speaker);
    this.#speaker.hidden = row.speaker === "";
    this.#drawText(row);
    setText(this.#notes, row.notes.join(" · "));
    this.#notes.hidden = row.notes.length === 0;
    this.#drawTools(row);
  }

  release(): void {
    this.#tools?.release();
  }

  #drawText(row: Row): void {
    const { kind, text, state } = row;
    if (kind === "thinking") {
      if (this.#body.childElementCount === 0) this.#body.append(this.#createDots(row.speaker));
      return;
    }
    this.#body.hidden = text === "";
    if (kind !== "assistant") {
      setText(this.#body, text);
      return;
    }
    const { copy, copied } = { copy: this.#words.say("copy"), copied: this.#words.say("copied") };
    this.#markdown ??= new MarkdownView(this.#body, { labels: { copy, copied } });
    try {
      this.#markdown.update(text, !state.startsWith("streaming"));
    } catch {
      // One reply that cannot be set is shown as it was written; the others are drawn all the same.
      setText(this.#body, text);
    }
  }

  #createDots(speaker: string): HTMLElement {
    const dots = [1, 2, 3].map(() => createElement("i"));
    const label = createElement("span", {
      class: "unseen",
      text: this.#words.say("writing", { name: speaker }),
    });
    return createElement("p", { class: "dots", children: [label, ...dots] });
  }

  #drawTools(row: Row): void {
    const hasTools = row.messageId !== undefined || row.state.startsWith("refused");
    if (!hasTools || (row.kind !== "user" && row.kind !== "assistant")) {
      this.#tools?.element.remove();
      this.#tools?.release();
      this.#tools = undefined;
      return;
    }
    if (!this.#tools) {
      this.#tools = createRowTools(row, this.#words, { ...this.#actions, edit: () => this.#edit() });
      this.element.append(this.#tools.element);
    }
    this.#tools.draw(row);
  }

  #edit(): void {
    const row = this.#row;
    if (!row?.messageId || this.#form) return;
    const { messageId } = row;
    const close = () => {
      form.element.remove();
      this.#form = undefined;
      this.element.classList.remove("edited");
      this.#tools?.focusEdit();
    };
    const form = createEditForm(row.text, this.#words, {
      onSend: (text) => {
        close();
        this.#actions.edit(messageId, text);
      },
      onCancel: close,
    });
    this.#form = form;
    this.element.classList.add("edited");
    this.#body.after(form.element);
    form.field.focus();
  }
}
