// A judgement of a reply, by one press, and a remark for whom it is not enough.

import type { RowActions } from "./row-actions.ts";
import { createRowForm, type RowForm } from "./row-form.ts";
import type { Words } from "./words.ts";

const MAX_COMMENT_CHARS = 1_000;

/** Asks for the remark; leaves by itself when it is given or declined. */
export function createFeedbackForm(
  messageId: string,
  rating: "up" | "down",
  words: Words,
  actions: Pick<RowActions, "rate" | "announce">,
  onDone: () => void,
): RowForm {
  const label = words.say(rating === "up" ? "commentGood" : "comment");
  const form = createRowForm({
    field: { maxlength: String(MAX_COMMENT_CHARS), "aria-label": label, placeholder: label },
    sendLabel: words.say("commentSend"),
    cancelLabel: words.say("cancel"),
    onSend: (comment) => {
      if (comment !== "") {
        actions.rate(messageId, rating, comment);
        actions.announce(words.say("thanks"));
      }
      onDone();
    },
    onCancel: onDone,
  });
  form.element.classList.add("feedback-form");
  return form;
}
