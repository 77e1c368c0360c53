// Questions one could ask: before the first one, and again when the partner changes. A reply that has no answer
// offers some in its own text, which chips below it would push out of a phone's sight.

import { createElement, findElement } from "./element.ts";
import type { ConversationState } from "./transcript.ts";

export class SuggestionsView {
  readonly #root = findElement("suggestions", HTMLElement);
  readonly #list = findElement("suggestion-list", HTMLElement);
  readonly #onPick: (question: string) => void;
  #drawn = "";

  constructor(onPick: (question: string) => void) {
    this.#onPick = onPick;
  }

  draw(state: ConversationState): void {
    const questions = isTimely(state) ? (state.persona?.suggestions ?? []) : [];
    const drawn = questions.join("\n");
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    this.#root.hidden = questions.length === 0;
    this.#list.replaceChildren(...questions.map((question) => this.#chip(question)));
  }

  #chip(question: string): HTMLElement {
    const button = createElement("button", {
      class: "chip",
      text: question,
      attributes: { type: "button" },
      onClick: () => this.#onPick(question),
    });
    return createElement("li", { children: [button] });
  }
}

function isTimely({ joined, messages, run, waiting, unsent }: ConversationState): boolean {
  if (!joined || run || waiting.length > 0 || unsent.length > 0) return false;
  const last = messages.at(-1);
  return last === undefined || last.type === "change";
}
