// The list of those who can be spoken to, in two groups; who speaks now is marked.

import type { PersonaRef } from "#app/models/persona.ts";
import type { CatalogueEntry } from "#app/web/catalogue.ts";
import { createElement } from "#app/web/element.ts";
import type { Partners } from "./partners.ts";
import type { SheetParts } from "./sheet-view.ts";
import type { Words } from "./words.ts";

export function createPicker(
  partners: Partners,
  present: PersonaRef | undefined,
  words: Words,
  onPick: (entry: CatalogueEntry) => void,
): SheetParts {
  const isPresent = ({ kind, id }: PersonaRef) => kind === present?.kind && id === present.id;
  let first: HTMLElement | undefined;
  const group = (kind: PersonaRef["kind"], title: string): HTMLElement[] => {
    const entries = partners.entries.filter((entry) => entry.kind === kind);
    if (entries.length === 0) return [];
    const heading = createElement("h3", { text: title, attributes: { id: `group-${kind}` } });
    const items = entries.map((entry) => {
      const button = createEntry(entry, isPresent(entry), () => onPick(entry));
      if (isPresent(entry)) first = button;
      return createElement("li", { children: [button] });
    });
    return [heading, createElement("ul", { attributes: { "aria-labelledby": heading.id }, children: items })];
  };
  const lists = [...group("persona", words.say("people")), ...group("object", words.say("objects"))];
  const note = createElement("p", { class: "sheet-note", text: words.say("catalogueFailed") });
  const content = createElement("div", {
    class: "partners",
    children: partners.failed && lists.length === 0 ? [note] : lists,
  });
  return {
    title: words.say("partners"),
    class: "picker",
    role: "dialog",
    content: [content],
    first,
  };
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
