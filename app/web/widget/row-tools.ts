// The small buttons below a line: change, answer again, judge, copy. Which of them there are depends on who spoke.

import { createElement, setText } from "#app/web/element.ts";
import { createButton } from "./controls.ts";
import { Countdown } from "./countdown.ts";
import { createFeedbackForm } from "./feedback-form.ts";
import { createIcon } from "./icons.ts";
import type { RowActions } from "./row-actions.ts";
import type { RowForm } from "./row-form.ts";
import type { Row } from "./rows.ts";
import type { Words } from "./words.ts";

export interface RowTools {
  readonly element: HTMLElement;
  draw(row: Row): void;
  focusEdit(): void;
  release(): void;
}

type ToolActions = Omit<RowActions, "edit"> & { readonly edit: () => void };

const COPIED_MS = 2_000;

export function createRowTools(row: Row, words: Words, actions: ToolActions): RowTools {
  if (row.kind === "assistant") return createReplyTools(row, words, actions);
  if (row.state.startsWith("refused")) return createRefusedTools(row, words, actions);
  return createMessageTools(row, words, actions);
}

function createMessageTools(row: Row, words: Words, actions: ToolActions): RowTools {
  const edit = createButton({ label: words.say("edit"), icon: "edit", class: "edit", onClick: actions.edit });
  const retry = createButton({
    label: words.say("retry"),
    icon: "again",
    hasText: true,
    class: "retry",
    onClick: () => actions.regenerate(row.messageId),
  });
  const label = retry.querySelector(".label") ?? retry;
  const countdown = new Countdown((seconds) => {
    retry.disabled = seconds > 0;
    setText(label, seconds > 0 ? words.say("retryIn", { seconds }) : words.say("retry"));
  });
  return {
    element: createElement("div", { class: "tools", children: [edit, retry] }),
    draw({ problem }) {
      retry.hidden = problem === undefined;
      countdown.aim(problem, problem?.retryAfterMs);
    },
    focusEdit: () => edit.focus(),
    release: () => countdown.stop(),
  };
}

function createRefusedTools(row: Row, words: Words, actions: ToolActions): RowTools {
  const back = createButton({
    label: words.say("takeBack"),
    icon: "edit",
    hasText: true,
    class: "take-back",
    onClick: () => actions.takeBack(row.text),
  });
  const nothing = () => undefined;
  const element = createElement("div", { class: "tools", children: [back] });
  return { element, draw: nothing, focusEdit: nothing, release: nothing };
}

function createReplyTools(row: Row, words: Words, actions: ToolActions): RowTools {
  let shown = row;
  const rating = createRating(words, actions, () => shown);
  const again = createButton({
    label: words.say("regenerate"),
    icon: "again",
    class: "regenerate",
    onClick: () => actions.regenerate(),
  });
  const copy = createCopyButton(words, actions.announce, () => shown.text);
  rating.element.append(copy, ...rating.buttons, again);
  return {
    element: rating.element,
    draw(next) {
      shown = next;
      rating.draw(next.rating);
    },
    focusEdit: () => undefined,
    release: () => rating.release(),
  };
}

interface Rating {
  /** The row of buttons; the remark's form stands after it. */
  readonly element: HTMLElement;
  readonly buttons: readonly HTMLButtonElement[];
  draw(rating: Row["rating"]): void;
  release(): void;
}

function createRating(words: Words, actions: ToolActions, shown: () => Row): Rating {
  const element = createElement("div", { class: "tools" });
  let form: RowForm | undefined;
  const rate = (rating: "up" | "down") => {
    const { messageId } = shown();
    if (!messageId) return;
    actions.rate(messageId, rating);
    form?.element.remove();
    form = createFeedbackForm(messageId, rating, words, actions, () => {
      form?.element.remove();
      (rating === "up" ? up : down).focus();
    });
    element.after(form.element);
    form.field.focus({ preventScroll: true });
  };
  const up = createButton({
    label: words.say("good"),
    icon: "up",
    class: "rate-up",
    onClick: () => rate("up"),
  });
  const down = createButton({
    label: words.say("bad"),
    icon: "up",
    class: "rate-down",
    onClick: () => rate("down"),
  });
  return {
    element,
    buttons: [up, down],
    draw(rating) {
      up.ariaPressed = String(rating === "up");
      down.ariaPressed = String(rating === "down");
    },
    release: () => form?.element.remove(),
  };
}

function createCopyButton(words: Words, announce: (text: string) => void, text: () => string): HTMLElement {
  const button = createButton({
    label: words.say("copyReply"),
    icon: "copy",
    class: "copy-reply",
    onClick: () => void copy(),
  });
  /** Never rejects: a page that may not write to the clipboard leaves the button as it was. */
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text());
    } catch {
      return;
    }
    button.replaceChildren(createIcon("check"));
    announce(words.say("copied"));
    setTimeout(() => button.replaceChildren(createIcon("copy")), COPIED_MS);
  };
  return button;
}
