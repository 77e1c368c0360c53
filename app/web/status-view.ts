// One line that says how the connection stands, one for what went wrong, and the voice for screen readers.

import { createElement, findElement, setText } from "./element.ts";
import type { Words } from "./page-texts.ts";
import { takeSentences } from "./spoken-sentences.ts";
import type { ConversationState } from "./transcript.ts";

export class StatusView {
  readonly #line = findElement("status", HTMLElement);
  readonly #problem = findElement("problem", HTMLElement);
  readonly #voice = findElement("voice", HTMLElement);
  #spokenId = "";
  #spokenUpTo = 0;
  #everOnline = false;

  draw(state: ConversationState, words: Words): void {
    this.#line.dataset.status = state.joined ? "online" : state.link.status;
    this.#everOnline ||= state.joined;
    setText(this.#line, this.#describe(state, words));
    const { problem } = state;
    setText(this.#problem, problem ? words.explain(problem.code, problem.message) : "");
    this.#problem.hidden = problem === undefined;
    this.#speak(state);
  }

  #describe({ link, joined, storage }: ConversationState, words: Words): string {
    switch (link.status) {
      case "connecting":
        return words.say(this.#everOnline ? "reconnectingNow" : "connecting");
      case "online":
        if (!joined) return words.say(this.#everOnline ? "reconnectingNow" : "connecting");
        return storage === "memory" ? `${words.say("online")} · ${words.say("memory")}` : words.say("online");
      case "waiting": {
        const seconds = Math.ceil((link.untilMs - Date.now()) / 1000);
        return seconds <= 0 ? words.say("reconnectingNow") : words.say("reconnecting", { seconds });
      }
      case "paused":
        return words.say("paused");
      case "stopped":
        return words.say("stoppedLink", { reason: words.explain(link.code) });
      default:
        return link satisfies never;
    }
  }

  /** Finished sentences only: tokens would have a screen reader stammer. */
  #speak({ messages }: ConversationState): void {
    const last = messages.at(-1);
    if (last?.type !== "message" || last.role !== "assistant") return;
    const isStreaming = last.state === "streaming";
    if (last.id !== this.#spokenId) {
      this.#spokenId = last.id;
      this.#voice.replaceChildren();
      // A reply that was there before the page was, is read when the visitor goes to it.
      this.#spokenUpTo = isStreaming ? 0 : last.text.length;
    }
    const { spoken, next } = takeSentences(last.text, this.#spokenUpTo, !isStreaming);
    this.#spokenUpTo = next;
    // Added, not replaced: a sentence that is still waiting to be read must not be taken away.
    if (spoken !== "") this.#voice.append(createElement("p", { text: spoken }));
  }
}
