// Who can be spoken to, as the server's lists name them; checked at this door. Knows no page.

import type { PersonaKind } from "#app/models/persona.ts";
import { fieldsOf, toText } from "./json-fields.ts";

export interface CatalogueEntry {
  readonly kind: PersonaKind;
  readonly id: string;
  readonly name: string;
  readonly description: string;
}

/** @throws when the value is not `{"personas": […]}` or `{"objects": […]}` */
export function parseCatalogueList(kind: PersonaKind, value: unknown): readonly CatalogueEntry[] {
  const list = fieldsOf(value)[`${kind}s`];
  if (!Array.isArray(list)) throw new Error(`no list of ${kind}s`);
  return list.map(fieldsOf).flatMap(({ id, name, description }) => {
    if (typeof id !== "string" || typeof name !== "string") return [];
    return [{ kind, id, name, description: toText(description) ?? "" }];
  });
}
