// Keeps a reader's place. Who reads at the end goes along with what is written; who has scrolled up stays where they
// are, also when older messages are put in above. Says when they leave the end and when they come near the top.

/** Closer than this to the end counts as reading along. */
const FOLLOW_WITHIN_PX = 64;
/** Closer than this to the top asks for older messages. */
const OLDER_WITHIN_PX = 240;

export interface ScrollEvents {
  readonly onFollow: (follows: boolean) => void;
  readonly onNearTop: () => void;
}

/** A line of the transcript at the top of what is seen, and how far below the upper edge it stands. */
interface Hold {
  readonly line: Element;
  readonly offsetPx: number;
}

export class ScrollKeeper {
  readonly #scroller: HTMLElement;
  readonly #events: ScrollEvents;
  readonly #sizes: ResizeObserver;
  /** Nothing has been said: the first words are read from their beginning. */
  #isAtRest = true;
  #follows = true;
  #lastTop = 0;
  #hold: Hold | undefined;

  constructor(scroller: HTMLElement, content: HTMLElement, events: ScrollEvents) {
    this.#scroller = scroller;
    this.#events = events;
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    // Lines put in above, lines that are laid out when they come near, a field that grows, a window that turns:
    // seen after the layout and before the paint. Browsers' own anchoring gives up too often, or is not there.
    this.#sizes = new ResizeObserver(() => this.settle());
    this.#sizes.observe(scroller);
    this.#sizes.observe(content);
  }

  get follows(): boolean {
    return this.#follows;
  }

  /** @param isAtRest whether nothing has been said yet, so that there is no end to go to */
  rest(isAtRest: boolean): void {
    this.#isAtRest = isAtRest;
  }

  /** Puts the reader back where they were: at the end, or at the line that they had on top. */
  settle(): void {
    const scroller = this.#scroller;
    if (this.#isAtRest) return;
    if (this.#follows) scroller.scrollTop = scroller.scrollHeight;
    else if (this.#hold?.line.isConnected) {
      const movedPx = this.#offsetOf(this.#hold.line) - this.#hold.offsetPx;
      if (Math.abs(movedPx) >= 1) scroller.scrollTop += movedPx;
    }
  }

  toEnd(): void {
    this.#setFollows(true);
    this.settle();
  }

  release(): void {
    this.#sizes.disconnect();
  }

  #scrolled(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    const isAtEnd = scrollHeight - scrollTop - clientHeight < FOLLOW_WITHIN_PX;
    // Only a reader moves up; content that grew since the last step does not.
    if (isAtEnd || this.#isAtRest) this.#setFollows(true);
    else if (scrollTop < this.#lastTop - 1) this.#setFollows(false);
    this.#lastTop = scrollTop;
    this.#hold = this.#follows ? undefined : this.#findHold();
    if (scrollTop < OLDER_WITHIN_PX && !this.#follows) this.#events.onNearTop();
  }

  /** Asks for what stands at the upper edge, a little below it where there is a gap between two lines. */
  #findHold(): Hold | undefined {
    const { top, left, width } = this.#scroller.getBoundingClientRect();
    const root = this.#scroller.getRootNode();
    if (!(root instanceof ShadowRoot)) return undefined;
    for (const belowPx of [1, 40, 120]) {
      const line = root.elementFromPoint(left + width / 2, top + belowPx)?.closest(".row");
      if (line) return { line, offsetPx: this.#offsetOf(line) };
    }
    return undefined;
  }

  #offsetOf(line: Element): number {
    return line.getBoundingClientRect().top - this.#scroller.getBoundingClientRect().top;
  }

  #setFollows(follows: boolean): void {
    if (follows === this.#follows) return;
    this.#follows = follows;
    this.#events.onFollow(follows);
  }
}
