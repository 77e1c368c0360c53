// What is not needed at every moment, behind one button: a new conversation, a copy of it, its end, the language.

import { createElement, setText } from "#app/web/element.ts";
import { createButton } from "./controls.ts";
import type { IconName } from "./icons.ts";
import type { Locale, Words } from "./words.ts";

export interface MenuActions {
  readonly startAnew: () => void;
  readonly save: () => void;
  readonly erase: () => void;
  readonly setLocale: (locale: Locale) => void;
}

const LANGUAGES: readonly (readonly [Locale, string])[] = [
  ["en", "English"],
  ["tr", "Türkçe"],
];

export class MenuView {
  readonly element: HTMLElement;
  readonly button: HTMLButtonElement;
  readonly #list: HTMLElement;
  readonly #note = createElement("p", { class: "menu-note" });

  constructor(words: Words, actions: MenuActions) {
    const entry = (label: string, icon: IconName, name: string, act: () => void) =>
      createButton({
        label,
        icon,
        hasText: true,
        class: name,
        onClick: () => {
          this.close();
          act();
        },
      });
    this.button = createButton({
      label: words.say("menu"),
      icon: "more",
      class: "menu-button",
      attributes: { "aria-expanded": "false", "aria-controls": "menu" },
      onClick: () => this.#toggle(),
    });
    this.#list = createElement("div", {
      class: "menu",
      attributes: { id: "menu", part: "menu" },
      children: [
        entry(words.say("startAnew"), "anew", "start-anew", actions.startAnew),
        entry(words.say("export"), "save", "export", actions.save),
        entry(words.say("erase"), "erase", "erase", actions.erase),
        createLanguages(words, (locale) => {
          this.close();
          actions.setLocale(locale);
        }),
        this.#note,
      ],
    });
    this.#list.hidden = true;
    this.element = createElement("div", { class: "menu-anchor", children: [this.button, this.#list] });
    this.element.addEventListener("focusout", ({ relatedTarget }) => {
      if (relatedTarget instanceof Node && !this.element.contains(relatedTarget)) this.#show(false);
    });
  }

  get isOpen(): boolean {
    return !this.#list.hidden;
  }

  /** A line at the menu's foot. */
  remark(text: string): void {
    setText(this.#note, text);
    this.#note.hidden = text === "";
  }

  close(): void {
    if (!this.isOpen) return;
    this.#show(false);
    this.button.focus();
  }

  /** A press anywhere else closes it. */
  pressed(path: readonly EventTarget[]): void {
    if (!path.includes(this.element)) this.#show(false);
  }

  #toggle(): void {
    this.#show(!this.isOpen);
    if (this.isOpen) this.#list.querySelector("button")?.focus();
  }

  #show(isShown: boolean): void {
    this.#list.hidden = !isShown;
    this.button.ariaExpanded = String(isShown);
  }
}

function createLanguages(words: Words, onPick: (locale: Locale) => void): HTMLElement {
  const buttons = LANGUAGES.map(([locale, name]) =>
    createButton({
      label: name,
      class: "language",
      attributes: {
        lang: locale,
        "data-locale": locale,
        "aria-pressed": String(locale === words.locale),
      },
      onClick: () => onPick(locale),
    }),
  );
  return createElement("div", {
    class: "languages",
    attributes: { role: "group", "aria-label": words.say("language") },
    children: buttons,
  });
}
