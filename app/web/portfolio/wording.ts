// Puts the page into a language: every element that names a text gets it, as text and never as markup.

import type { Locale } from "#app/web/widget/words.ts";
import { piecesOf, textNamed } from "./texts.ts";

export function wordPage(locale: Locale): void {
  document.documentElement.lang = locale;
  for (const element of document.querySelectorAll<HTMLElement>("[data-text]")) {
    setPieces(element, textNamed(locale, element.dataset.text ?? ""));
  }
  for (const element of document.querySelectorAll<HTMLElement | SVGElement>("[data-label]")) {
    element.setAttribute("aria-label", textNamed(locale, element.dataset.label ?? ""));
  }
}

function setPieces(element: HTMLElement, text: string): void {
  const nodes = piecesOf(text).map((piece, index) => {
    if (index % 2 === 0) return piece;
    const title = document.createElement("cite");
    title.textContent = piece;
    return title;
  });
  element.replaceChildren(...nodes);
}
