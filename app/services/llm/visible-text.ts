// What of a model's text a visitor may see, delta by delta.
// Promises: a leading `<think>…</think>` never comes out, wherever deltas cut it; a delta never ends in half a surrogate
// pair. A model whose template opens the block itself sends no `<think>`: such a server must strip it on its own.

const OPEN = "<think>";
const CLOSE = "</think>";
const HIGH_SURROGATE_FIRST = 0xd800;
const HIGH_SURROGATE_LAST = 0xdbff;

export class VisibleText {
  #state: "start" | "thinking" | "after" | "plain" = "start";
  /** What cannot be judged yet. */
  #held = "";
  #half = "";

  /** What the delta adds to what is seen; often all of it, sometimes nothing. */
  push(delta: string): string {
    return this.#whole(this.#state === "plain" ? delta : this.#judge(delta));
  }

  /** What had to be held back and turned out to be text. */
  end(): string {
    const held = this.#state === "start" ? this.#held : "";
    this.#held = "";
    return (this.#half + held).toWellFormed();
  }

  #judge(delta: string): string {
    this.#held += delta;
    if (this.#state === "start") {
      const text = this.#held.trimStart();
      if (OPEN.startsWith(text)) return "";
      if (!text.startsWith(OPEN)) return this.#release(this.#held);
      this.#state = "thinking";
      this.#held = text.slice(OPEN.length);
    }
    if (this.#state === "thinking") {
      const at = this.#held.indexOf(CLOSE);
      if (at === -1) {
        // Only the end of what has come can be the start of the closing mark.
        this.#held = this.#held.slice(-(CLOSE.length - 1));
        return "";
      }
      this.#state = "after";
      this.#held = this.#held.slice(at + CLOSE.length);
    }
    const text = this.#held.trimStart();
    return text === "" ? "" : this.#release(text);
  }

  #release(text: string): string {
    this.#state = "plain";
    this.#held = "";
    return text;
  }

  /** Keeps a trailing high surrogate for the next delta: JSON escapes let a provider cut there. */
  #whole(delta: string): string {
    if (delta === "") return "";
    const text = this.#half + delta;
    const last = text.charCodeAt(text.length - 1);
    const isHalf = last >= HIGH_SURROGATE_FIRST && last <= HIGH_SURROGATE_LAST;
    this.#half = isHalf ? text.slice(-1) : "";
    return (isHalf ? text.slice(0, -1) : text).toWellFormed();
  }
}
