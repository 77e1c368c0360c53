// The visitor's own message, opened to be changed. Enter sends it anew, Escape leaves it as it was.

import { createRowForm, type RowForm } from "./row-form.ts";
import type { Words } from "./words.ts";

export interface EditFormActions {
  readonly onSend: (text: string) => void;
  readonly onCancel: () => void;
}

export function createEditForm(before: string, words: Words, { onSend, onCancel }: EditFormActions): RowForm {
  const form = createRowForm({
    field: { "aria-label": words.say("editing"), dir: "auto" },
    note: words.say("editNote"),
    sendLabel: words.say("editSend"),
    cancelLabel: words.say("cancel"),
    onSend: (text) => {
      if (text === before.trim()) onCancel();
      else if (text !== "") onSend(text);
    },
    onCancel,
  });
  // The cursor stands behind it then.
  form.field.value = before;
  return form;
}
