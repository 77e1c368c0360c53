// One line above the field that says what is not as it should be, in plain words, with seconds that count down where
// something comes back by itself. Nothing while all is well. Read out once, not at every second.

import { createElement, setText } from "#app/web/element.ts";
import type { ConversationState } from "#app/web/transcript.ts";
import { createButton } from "./controls.ts";
import { Countdown } from "./countdown.ts";
import type { Words } from "./words.ts";

export class NoticeView {
  readonly element: HTMLElement;
  readonly #words: Words;
  readonly #text = createElement("p");
  readonly #tryNow: HTMLButtonElement;
  readonly #countdown = new Countdown((seconds) => this.#say(seconds));
  #state: ConversationState | undefined;
  #everJoined = false;
  /** Said instead of everything else. */
  #verdict: string | undefined;

  readonly #announce: (text: string) => void;
  #announced = "";

  constructor(words: Words, onTryNow: () => void, announce: (text: string) => void) {
    this.#words = words;
    this.#announce = announce;
    this.#tryNow = createButton({ label: words.say("tryNow"), class: "try-now", onClick: onTryNow });
    this.element = createElement("div", {
      class: "notice",
      attributes: { part: "notice" },
      children: [this.#text, this.#tryNow],
    });
    this.element.hidden = true;
  }

  draw(state: ConversationState): void {
    this.#state = state;
    this.#everJoined ||= state.joined;
    const { link, problem } = state;
    if (link.status === "waiting") this.#countdown.aimAt(link, link.untilMs);
    else if (problem) this.#countdown.aim(problem, problem.retryAfterMs);
    else this.#countdown.aim(undefined, undefined);
  }

  /** The server does not want this page: nothing to wait for. */
  refuse(text: string): void {
    this.#verdict = text;
    this.#say(0);
  }

  release(): void {
    this.#countdown.stop();
  }

  #say(seconds: number): void {
    const state = this.#state;
    const text = this.#verdict ?? (state ? this.#describe(state, seconds) : "");
    setText(this.#text, text);
    this.element.hidden = text === "";
    this.#tryNow.hidden = this.#verdict !== undefined || state?.link.status !== "waiting";
    // A connection that is made at once is not worth a word: these lines appear late.
    const isBrief = state !== undefined && !state.joined && state.link.status !== "stopped" && !state.problem;
    this.element.classList.toggle("brief", isBrief && this.#verdict === undefined);
    this.#readOut(text, isBrief && state.link.status !== "waiting");
  }

  /** What differs in its seconds alone is the same; what passes at once is not worth a word. */
  #readOut(text: string, isPassing: boolean): void {
    const core = text.replace(/\d+/g, "");
    if (core === this.#announced || isPassing) return;
    this.#announced = core;
    this.#announce(text);
  }

  #describe({ link, joined, problem }: ConversationState, seconds: number): string {
    const words = this.#words;
    switch (link.status) {
      case "waiting":
        return seconds > 0 ? words.say("reconnecting", { seconds }) : words.say("reconnectingNow");
      case "paused":
        return words.say("paused");
      case "stopped":
        return words.say("stoppedLink", { reason: words.explain(link.code) });
      case "connecting":
      case "online": {
        if (problem) {
          const { code, message, retryAfterMs } = problem;
          const said = words.explain(code, message);
          return retryAfterMs !== undefined && seconds > 0
            ? `${said} ${words.say("againIn", { seconds })}`
            : said;
        }
        if (joined) return "";
        return words.say(this.#everJoined ? "reconnectingNow" : "connecting");
      }
      default:
        return link satisfies never;
    }
  }
}
