// What a screen reader is told by itself: the finished sentences of a reply as it is written, and short remarks.
// Never tokens: those would have it stammer.

import { createElement } from "#app/web/element.ts";
import { takeSentences } from "#app/web/spoken-sentences.ts";
import type { ConversationState } from "#app/web/transcript.ts";

export class VoiceView {
  readonly element = createElement("div", { class: "unseen voice", attributes: { "aria-live": "polite" } });
  #spokenId = "";
  #spokenUpTo = 0;

  draw({ messages }: ConversationState): void {
    const last = messages.at(-1);
    if (last?.type !== "message" || last.role !== "assistant") return;
    const isStreaming = last.state === "streaming";
    if (last.id !== this.#spokenId) {
      this.#spokenId = last.id;
      this.element.replaceChildren();
      // A reply that was there before the widget was, is read when the visitor goes to it.
      this.#spokenUpTo = isStreaming ? 0 : last.text.length;
    }
    const { spoken, next } = takeSentences(last.text, this.#spokenUpTo, !isStreaming);
    this.#spokenUpTo = next;
    this.say(toSpoken(spoken));
  }

  /** Added, not replaced: a sentence that is still waiting to be read must not be taken away. */
  say(text: string): void {
    if (text !== "") this.element.append(createElement("p", { text }));
  }
}

/** Markdown without its marks, which would be read out as asterisks and backticks. */
function toSpoken(text: string): string {
  return text
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/^\s*(?:#{1,6}|[-*+]|\d+\.|>|```\w*|\|)\s*/gm, "")
    .replace(/[*_`~|]{1,3}/g, "")
    .trim();
}
