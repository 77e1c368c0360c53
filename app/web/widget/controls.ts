// The buttons and fields that every part of the widget is made of.

import { createElement } from "#app/web/element.ts";
import { createIcon, type IconName } from "./icons.ts";

export interface ButtonParts {
  /** What it does: its text, or the name of an icon's button. */
  readonly label: string;
  readonly icon?: IconName;
  /** Shows the label beside the icon. */
  readonly hasText?: boolean;
  readonly class?: string;
  readonly attributes?: Readonly<Record<string, string>>;
  readonly onClick?: (() => void) | undefined;
}

export function createButton(parts: ButtonParts): HTMLButtonElement {
  const { label, icon, class: name = "", attributes = {}, onClick } = parts;
  const hasText = parts.hasText ?? icon === undefined;
  const shown = hasText ? [createElement("span", { class: "label", text: label })] : [];
  return createElement("button", {
    class: `${icon && !hasText ? "icon-button" : "text-button"} ${name}`.trim(),
    attributes: { type: "button", ...(hasText ? {} : { "aria-label": label, title: label }), ...attributes },
    children: icon ? [createIcon(icon), ...shown] : shown,
    onClick,
  });
}

/** Enter sends, Shift and Enter begins a line, Escape gives up. An input method's own Enter and Escape are its own. */
export function onFieldKeys(
  field: HTMLTextAreaElement,
  keys: { readonly onEnter: () => void; readonly onEscape: () => boolean },
): void {
  field.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      keys.onEnter();
    }
    if (event.key === "Escape" && keys.onEscape()) event.preventDefault();
  });
}
