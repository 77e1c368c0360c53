// The button in the corner: all that a page pays for until somebody presses it.

import { createElement } from "#app/web/element.ts";
import { createCard, createIcon } from "./icons.ts";
import type { Words } from "./words.ts";

export class LauncherView {
  readonly element: HTMLButtonElement;
  #isUnread = false;

  constructor(onPress: () => void) {
    this.element = createElement("button", {
      class: "launcher",
      attributes: { type: "button", part: "launcher" },
      children: [createCard(), createIcon("close")],
      onClick: onPress,
    });
  }

  draw(isShown: boolean, isOpen: boolean, words: Words, heading: string | undefined): void {
    if (isOpen) this.#isUnread = false;
    this.element.hidden = !isShown;
    this.element.ariaExpanded = String(isOpen);
    const name = heading ? words.say("openChatWith", { name: heading }) : words.say("openChat");
    const label = this.#isUnread ? `${name} (${words.say("unread")})` : name;
    this.element.ariaLabel = isOpen ? words.say("close") : label;
    this.element.classList.toggle("unread", this.#isUnread);
  }

  /** A reply has come while the chat was closed; to be drawn. */
  markUnread(): void {
    this.#isUnread = true;
  }
}
