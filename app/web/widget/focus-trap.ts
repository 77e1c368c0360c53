// Where the focus is in a shadow root, and how Tab stays inside a frame that covers the page.

const FOCUSABLE = "button, textarea, a[href], [tabindex='0']";

/** What has the focus among the elements that `part` is of; it stands in a shadow root. */
export function focusedIn(part: HTMLElement): Element | null {
  const root = part.getRootNode();
  return root instanceof ShadowRoot ? root.activeElement : null;
}

/** After the last control comes the first one, and the other way round. */
export function keepFocusWithin(frame: HTMLElement, event: KeyboardEvent): void {
  const reachable = [...frame.querySelectorAll<HTMLElement>(FOCUSABLE)].filter(
    (element) => !element.matches(":disabled") && !element.closest("[inert]") && element.checkVisibility(),
  );
  const focused = focusedIn(frame);
  const edge = event.shiftKey ? reachable.at(0) : reachable.at(-1);
  if (focused !== edge && focused !== frame) return;
  if (focused === frame && !event.shiftKey) return;
  event.preventDefault();
  (event.shiftKey ? reachable.at(-1) : reachable.at(0))?.focus();
}
