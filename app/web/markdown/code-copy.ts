// The copy button of code blocks. Promises: what is copied is exactly the code; it works without the permission to
// write to the clipboard, by a selection and the browser's own copy command; a press is confirmed for two seconds.

import { createElement } from "#app/web/element.ts";

export interface CopyLabels {
  readonly copy: string;
  readonly copied: string;
}

const CONFIRMED_MS = 2_000;

/** A block of code in a frame, after its button. */
export function createCodeBlock(code: HTMLElement, label: string): HTMLElement {
  const button = createElement("button", { class: "copy-code", text: label, attributes: { type: "button" } });
  // Long lines scroll: by keyboard, too.
  code.tabIndex = 0;
  return createElement("div", { class: "code-block", children: [button, code] });
}

/** One listener for all buttons below `root`, whenever they come. */
export function listenForCopying(root: HTMLElement, labels: CopyLabels): void {
  const confirmed = new WeakMap<Element, ReturnType<typeof setTimeout>>();
  root.addEventListener("click", ({ target }) => {
    const button = target instanceof Element ? target.closest("button.copy-code") : null;
    const code = button?.parentElement?.querySelector("code");
    if (!button || !code) return;
    void copyCode(code).then((isCopied) => {
      if (!isCopied) return;
      clearTimeout(confirmed.get(button));
      button.textContent = labels.copied;
      confirmed.set(
        button,
        setTimeout(() => {
          button.textContent = labels.copy;
        }, CONFIRMED_MS),
      );
    });
  });
}

async function copyCode(code: Element): Promise<boolean> {
  const text = code.textContent ?? "";
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Not allowed, or no clipboard on a page without TLS.
    return copySelection(code, text);
  }
}

/** Leaves the code selected: where even this is refused, Ctrl+C does the rest. */
function copySelection(code: Element, text: string): boolean {
  let isCopied = false;
  const write = (event: ClipboardEvent) => {
    event.clipboardData?.setData("text/plain", text);
    event.preventDefault();
    // The page's own listeners have no say in what a visitor copies from the widget.
    event.stopImmediatePropagation();
    isCopied = true;
  };
  getSelection()?.selectAllChildren(code);
  addEventListener("copy", write, { capture: true, once: true });
  // Deprecated, and the only way without the permission.
  document.execCommand("copy");
  removeEventListener("copy", write, { capture: true });
  return isCopied;
}
