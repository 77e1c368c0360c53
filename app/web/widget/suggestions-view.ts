// Questions one could ask: before the first one, and again when somebody else has taken over.

import { createElement } from "#app/web/element.ts";
import type { ConversationState } from "#app/web/transcript.ts";
import type { Words } from "./words.ts";

export class SuggestionsView {
  readonly element: HTMLElement;
  readonly #list = createElement("ul");
  readonly #onPick: (question: string) => void;
  #drawn = "";

  constructor(words: Words, onPick: (question: string) => void) {
    this.#onPick = onPick;
    const heading = createElement("p", {
      text: words.say("suggestions"),
      attributes: { id: "suggestions" },
    });
    this.#list.setAttribute("aria-labelledby", heading.id);
    this.element = createElement("div", {
      class: "suggestions",
      attributes: { part: "suggestions" },
      children: [heading, this.#list],
    });
    this.element.hidden = true;
  }

  draw(state: ConversationState): void {
    const questions = isTimely(state) ? (state.persona?.suggestions ?? []) : [];
    const drawn = questions.join("\n");
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    this.element.hidden = questions.length === 0;
    this.#list.replaceChildren(...questions.map((question) => this.#createChip(question)));
  }

  #createChip(question: string): HTMLElement {
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
