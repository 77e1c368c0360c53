// The transcript: lines in order, older ones fetched on the way up, a pill that leads back down to what is new.
// Promises: a line keeps its element; the reader keeps their place. `role="log"` without announcements: those are
// the voice's, sentence by sentence.

import { createElement, setText } from "#app/web/element.ts";
import type { ConversationState } from "#app/web/transcript.ts";
import { createButton } from "./controls.ts";
import { createIcon } from "./icons.ts";
import type { RowActions } from "./row-actions.ts";
import { RowView } from "./row-view.ts";
import { type Row, RowMaker, type RowSources } from "./rows.ts";
import { ScrollKeeper } from "./scroll-keeper.ts";
import { SuggestionsView } from "./suggestions-view.ts";
import type { Words } from "./words.ts";

export interface LogActions extends RowActions {
  readonly loadOlder: () => void;
  readonly ask: (question: string) => void;
}

/** An answer to a question for older messages that is overdue may be asked for again. */
const OLDER_PATIENCE_MS = 8_000;

export class LogView {
  readonly element: HTMLElement;
  readonly #words: Words;
  readonly #actions: LogActions;
  readonly #list = createElement("ol", { class: "rows" });
  readonly #scroller: HTMLElement;
  readonly #older: HTMLButtonElement;
  readonly #pill: HTMLButtonElement;
  readonly #pillText = createElement("span", { class: "label" });
  readonly #suggestions: SuggestionsView;
  readonly #views = new Map<string, RowView>();
  readonly #keeper: ScrollKeeper;
  #maker: RowMaker;
  #lastRow: Row | undefined;
  /** Older messages are not asked for before. */
  #olderAfterMs = 0;
  #state: ConversationState | undefined;

  constructor(sources: RowSources, actions: LogActions) {
    const { words } = sources;
    this.#words = words;
    this.#actions = actions;
    this.#maker = new RowMaker(sources);
    this.#older = createButton({
      label: words.say("older"),
      class: "older",
      onClick: () => this.#loadOlder(),
    });
    this.#older.hidden = true;
    this.#suggestions = new SuggestionsView(words, actions.ask);
    const content = createElement("div", {
      class: "sheet-of-paper",
      children: [this.#older, this.#list, this.#suggestions.element],
    });
    this.#scroller = createElement("div", {
      class: "scroller",
      attributes: {
        role: "log",
        "aria-live": "off",
        "aria-label": words.say("conversation"),
        tabindex: "0",
        part: "log",
      },
      children: [content],
    });
    this.#pill = createElement("button", {
      class: "pill",
      attributes: { type: "button", "aria-label": words.say("newest"), part: "pill" },
      children: [createIcon("down"), this.#pillText],
      onClick: () => this.#keeper.toEnd(),
    });
    this.#pill.hidden = true;
    this.element = createElement("div", { class: "log", children: [this.#scroller, this.#pill] });
    this.#keeper = new ScrollKeeper(this.#scroller, content, {
      onFollow: (follows) => this.#showPill(follows),
      onNearTop: () => this.#loadOlder(),
    });
  }

  draw(state: ConversationState): void {
    this.#state = state;
    const rows = this.#maker.make(state);
    const last = rows.at(-1);
    const isOwn = last?.kind === "user" && last.key !== this.#lastRow?.key && this.#lastRow !== undefined;
    this.#keeper.rest(!rows.some(({ state: name }) => name !== "greeting"));
    this.#drawOlder(state, rows);
    this.#drawRows(rows);
    this.#suggestions.draw(state);
    // What the visitor has just said is always shown, wherever they had scrolled to.
    if (isOwn) this.#keeper.toEnd();
    else this.#keeper.settle();
    if (last !== this.#lastRow && !this.#keeper.follows && this.#lastRow)
      setText(this.#pillText, this.#words.say("new"));
    this.#lastRow = last;
  }

  /**
   * The names of speakers are known now; the next draw shows them. Not this call: whoever draws between a reader's
   * scrolling and the event that tells of it throws them back to where they were.
   */
  know(sources: RowSources): void {
    this.#maker = new RowMaker(sources);
  }

  toEnd(): void {
    this.#keeper.toEnd();
  }

  release(): void {
    this.#keeper.release();
    for (const view of this.#views.values()) view.release();
  }

  #drawRows(rows: readonly Row[]): void {
    const keys = new Set(rows.map(({ key }) => key));
    for (const [key, view] of this.#views) {
      if (keys.has(key)) continue;
      view.release();
      view.element.remove();
      this.#views.delete(key);
    }
    let next = this.#list.firstElementChild;
    for (const row of rows) {
      const view = this.#viewOf(row.key);
      view.draw(row);
      if (view.element === next) next = next.nextElementSibling;
      else this.#list.insertBefore(view.element, next);
    }
    this.#markLatest(rows);
  }

  #viewOf(key: string): RowView {
    const known = this.#views.get(key);
    if (known) return known;
    const view = new RowView(this.#words, this.#actions);
    this.#views.set(key, view);
    return view;
  }

  /** The last reply alone can be answered again. */
  #markLatest(rows: readonly Row[]): void {
    const latest = rows.findLast(({ kind, messageId }) => kind === "assistant" && messageId !== undefined);
    const element = latest && this.#views.get(latest.key)?.element;
    const marked = this.#list.querySelector(".latest");
    if (marked !== element) marked?.classList.remove("latest");
    element?.classList.add("latest");
  }

  #drawOlder({ hasOlder, messages }: ConversationState, rows: readonly Row[]): void {
    this.#older.hidden = hasOlder !== true;
    const first = messages[0]?.id;
    if (first !== undefined && rows.length > 0 && first !== this.#older.dataset.before) {
      this.#older.dataset.before = first;
      this.#olderAfterMs = 0;
      setText(this.#older, this.#words.say("older"));
    }
  }

  #loadOlder(): void {
    if (this.#state?.hasOlder !== true || !this.#state.joined) return;
    if (performance.now() < this.#olderAfterMs) return;
    this.#olderAfterMs = performance.now() + OLDER_PATIENCE_MS;
    setText(this.#older, this.#words.say("loadingOlder"));
    this.#actions.loadOlder();
  }

  #showPill(follows: boolean): void {
    this.#pill.hidden = follows;
    if (follows) setText(this.#pillText, "");
  }
}
