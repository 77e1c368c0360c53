// A small form in a line of the transcript: a field, a button that sends what stands in it, and one that leaves it be.

import { createElement } from "#app/web/element.ts";
import { createButton, onFieldKeys } from "./controls.ts";

export interface RowFormParts {
  /** Attributes of the field. */
  readonly field: Readonly<Record<string, string>>;
  /** What is shown beside the buttons. */
  readonly note?: string;
  readonly sendLabel: string;
  readonly cancelLabel: string;
  /** `text` without blanks around it; it may be empty. */
  readonly onSend: (text: string) => void;
  readonly onCancel: () => void;
}

export interface RowForm {
  readonly element: HTMLFormElement;
  readonly field: HTMLTextAreaElement;
}

export function createRowForm({
  field: attributes,
  note = "",
  sendLabel,
  cancelLabel,
  onSend,
  onCancel,
}: RowFormParts): RowForm {
  const field = createElement("textarea", { attributes: { rows: "1", ...attributes } });
  const send = () => onSend(field.value.trim());
  onFieldKeys(field, {
    onEnter: send,
    onEscape: () => {
      onCancel();
      return true;
    },
  });
  const buttons = createElement("div", {
    class: "form-buttons",
    children: [
      createElement("span", { class: "form-note", text: note }),
      createButton({ label: cancelLabel, class: "quiet", onClick: onCancel }),
      createButton({ label: sendLabel, class: "primary", attributes: { type: "submit" } }),
    ],
  });
  const element = createElement("form", { class: "row-form", children: [field, buttons] });
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  return { element, field };
}
