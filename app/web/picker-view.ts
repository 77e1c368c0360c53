// The list of those who can be spoken to, in two groups; the present partner is marked.

import type { PersonaRef } from "#app/models/persona.ts";
import type { Catalogue, CatalogueEntry } from "./catalogue.ts";
import { createElement } from "./element.ts";
import type { Words } from "./page-texts.ts";

export class PickerView {
  readonly #root: HTMLElement;
  readonly #onPick: (entry: CatalogueEntry) => void;
  readonly #buttons = new Map<string, HTMLButtonElement>();

  constructor(root: HTMLElement, onPick: (entry: CatalogueEntry) => void) {
    this.#root = root;
    this.#onPick = onPick;
  }

  draw(catalogue: Catalogue, words: Words): void {
    const focused = document.activeElement?.id;
    this.#buttons.clear();
    this.#root.replaceChildren(
      ...this.#group("people", words.say("people"), catalogue.persona),
      ...this.#group("objects", words.say("objects"), catalogue.object),
    );
    if (focused?.startsWith("partner-")) document.getElementById(focused)?.focus();
  }

  /** Marks who answers now. */
  mark(persona: PersonaRef | undefined): void {
    const present = persona ? toKey(persona) : "";
    for (const [key, button] of this.#buttons) button.setAttribute("aria-pressed", String(key === present));
  }

  #group(id: string, title: string, entries: readonly CatalogueEntry[]): HTMLElement[] {
    if (entries.length === 0) return [];
    const heading = createElement("h3", { text: title, attributes: { id: `group-${id}` } });
    const items = entries.map((entry) => createElement("li", { children: [this.#button(entry)] }));
    const list = createElement("ul", { attributes: { "aria-labelledby": heading.id }, children: items });
    return [createElement("section", { class: "group", children: [heading, list] })];
  }

  #button(entry: CatalogueEntry): HTMLButtonElement {
    const button = createElement("button", {
      class: "partner",
      attributes: { type: "button", id: `partner-${toKey(entry)}`, "aria-pressed": "false" },
      children: [
        createElement("span", { class: "name", text: entry.name }),
        createElement("span", { class: "description", text: entry.description }),
      ],
      onClick: () => this.#onPick(entry),
    });
    this.#buttons.set(toKey(entry), button);
    return button;
  }
}

function toKey({ kind, id }: PersonaRef): string {
  return `${kind}-${id}`;
}
