// Who can be spoken to, as the server's lists name them; checked at this door. Knows no page.

import type { PersonaKind } from "#app/models/persona.ts";

export interface CatalogueEntry {
  readonly kind: PersonaKind;
  readonly id: string;
  readonly name: string;
  readonly description: string;
}

/** @throws when the value is not `{"personas": […]}` or `{"objects": […]}` */
export function parseCatalogueList(kind: PersonaKind, value: unknown): readonly CatalogueEntry[] {
  const list: unknown = isRecord(value) ? value[`${kind}s`] : undefined;
  if (!Array.isArray(list)) throw new Error(`the answer holds no list of ${kind}s`);
  return list.filter(isRecord).flatMap(({ id, name, description }) => {
    if (typeof id !== "string" || typeof name !== "string") return [];
    return [{ kind, id, name, description: typeof description === "string" ? description : "" }];
  });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
