// The list of those who can be spoken to, in two groups; who speaks now is marked. It may lie open before anybody
// knows who is on it: then it fills in its place.

import type { PersonaRef } from "#app/models/persona.ts";
import type { CatalogueEntry } from "#app/web/catalogue.ts";
import { createElement } from "#app/web/element.ts";
import type { Partners } from "./partners.ts";
import type { SheetParts } from "./sheet-view.ts";
import type { Words } from "./words.ts";

export interface PickerOptions {
  readonly partners: Partners;
  readonly words: Words;
  readonly present: () => PersonaRef | undefined;
  readonly onPick: (entry: CatalogueEntry) => void;
}

export class Picker {
  readonly #options: PickerOptions;
  readonly #list = createElement("div", { class: "partners" });

  constructor(options: PickerOptions) {
    this.#options = options;
  }

  open(): SheetParts {
    this.redraw();
    return {
      title: this.#options.words.say("partners"),
      class: "picker",
      role: "dialog",
      content: [this.#list],
      first: this.#list.querySelector<HTMLElement>("[aria-pressed=true]") ?? undefined,
    };
  }

  /** What is known of them has changed. The focus is not moved: there was nobody in the list to have it. */
  redraw(): void {
    const { partners, words } = this.#options;
    const lists = [
      ...this.#createGroup("persona", words.say("people")),
      ...this.#createGroup("object", words.say("objects")),
    ];
    const note = createElement("p", { class: "sheet-note", text: words.say("catalogueFailed") });
    this.#list.replaceChildren(...(partners.failed && lists.length === 0 ? [note] : lists));
  }

  #createGroup(kind: PersonaRef["kind"], title: string): HTMLElement[] {
    const { partners, present, onPick } = this.#options;
    const entries = partners.entries.filter((entry) => entry.kind === kind);
    if (entries.length === 0) return [];
    const speaker = present();
    const heading = createElement("h3", { text: title, attributes: { id: `group-${kind}` } });
    const items = entries.map((entry) => {
      const isPresent = entry.kind === speaker?.kind && entry.id === speaker.id;
      return createElement("li", { children: [createEntry(entry, isPresent, () => onPick(entry))] });
    });
    return [heading, createElement("ul", { attributes: { "aria-labelledby": heading.id }, children: items })];
  }
}

function createEntry(entry: CatalogueEntry, isPresent: boolean, onClick: () => void): HTMLButtonElement {
  return createElement("button", {
    class: "partner",
    attributes: {
      type: "button",
      "aria-pressed": String(isPresent),
      "data-partner": `${entry.kind}/${entry.id}`,
    },
    children: [
      createElement("span", { class: "name", text: entry.name }),
      createElement("span", { class: "description", text: entry.description }),
    ],
    onClick,
  });
}
