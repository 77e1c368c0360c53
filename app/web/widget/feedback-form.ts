// A judgement of a reply, by one press, and a remark for whom it is not enough.

import { createElement } from "#app/web/element.ts";
import { createButton, onFieldKeys } from "./controls.ts";
import type { RowActions } from "./row-actions.ts";
import type { Words } from "./words.ts";

const MAX_COMMENT_CHARS = 1_000;

/** Asks for the remark; leaves by itself when it is given or declined. */
export function createFeedbackForm(
  messageId: string,
  rating: "up" | "down",
  words: Words,
  actions: Pick<RowActions, "rate" | "announce">,
  onDone: () => void,
): HTMLFormElement {
  const label = words.say(rating === "up" ? "commentGood" : "comment");
  const field = createElement("textarea", {
    attributes: { rows: "1", maxlength: String(MAX_COMMENT_CHARS), "aria-label": label, placeholder: label },
  });
  const send = () => {
    const comment = field.value.trim();
    if (comment !== "") {
      actions.rate(messageId, rating, comment);
      actions.announce(words.say("thanks"));
    }
    onDone();
  };
  onFieldKeys(field, {
    onEnter: send,
    onEscape: () => {
      onDone();
      return true;
    },
  });
  const buttons = createElement("div", {
    class: "form-buttons",
    children: [
      createButton({ label: words.say("cancel"), class: "quiet", onClick: onDone }),
      createButton({ label: words.say("commentSend"), class: "primary", attributes: { type: "submit" } }),
    ],
  });
  const form = createElement("form", { class: "row-form feedback-form", children: [field, buttons] });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  return form;
}
