// The top of the chat: who speaks, a way to somebody else, the menu, and the way out.

import { createElement, setText } from "#app/web/element.ts";
import type { ConversationState } from "#app/web/transcript.ts";
import { createButton } from "./controls.ts";
import { createCard, createIcon } from "./icons.ts";
import type { Words } from "./words.ts";

export interface HeaderParts {
  readonly words: Words;
  readonly menu: HTMLElement;
  readonly heading: string | undefined;
  readonly onSwitch: () => void;
  /** Undefined where there is nothing to close. */
  readonly onClose: (() => void) | undefined;
}

export class HeaderView {
  readonly element: HTMLElement;
  readonly switcher: HTMLButtonElement;
  readonly #name = createElement("span", { class: "name" });
  readonly #about = createElement("span", { class: "about" });
  readonly #words: Words;
  readonly #heading: string | undefined;

  constructor({ words, menu, heading, onSwitch, onClose }: HeaderParts) {
    this.#words = words;
    this.#heading = heading;
    const title = createElement("span", {
      class: "title",
      children: [
        createElement("span", { class: "line", children: [this.#name, createIcon("chevron")] }),
        this.#about,
      ],
    });
    this.switcher = createElement("button", {
      class: "switcher",
      attributes: { type: "button", "aria-haspopup": "dialog", title: words.say("switchPartner") },
      children: [createCard(), title],
      onClick: onSwitch,
    });
    const close = onClose
      ? [createButton({ label: words.say("close"), icon: "close", class: "close", onClick: onClose })]
      : [];
    this.element = createElement("div", {
      class: "header",
      attributes: { part: "header" },
      children: [this.switcher, menu, ...close],
    });
  }

  /** @param about a few words about who speaks, where they are known */
  draw({ persona }: ConversationState, about: string): void {
    const speaker = persona?.name ?? "";
    setText(this.#name, this.#heading ?? (speaker || this.#words.say("chat")));
    setText(this.#about, this.#heading && speaker ? speaker : about);
  }
}
