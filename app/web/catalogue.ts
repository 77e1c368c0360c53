// Who can be spoken to, from the server's lists; checked at this door. Knows no page.

import type { PersonaKind } from "#app/models/persona.ts";

export interface CatalogueEntry {
  readonly kind: PersonaKind;
  readonly id: string;
  readonly name: string;
  readonly description: string;
}

export type Catalogue = Readonly<Record<PersonaKind, readonly CatalogueEntry[]>>;

const TIMEOUT_MS = 10_000;

/** @throws when a list cannot be fetched or is no list */
export async function loadCatalogue(locale: string): Promise<Catalogue> {
  const [persona, object] = await Promise.all([loadList("persona", locale), loadList("object", locale)]);
  return { persona, object };
}

async function loadList(kind: PersonaKind, locale: string): Promise<readonly CatalogueEntry[]> {
  const response = await fetch(`/api/v1/${kind}s?locale=${locale}`, {
    headers: { accept: "application/json" },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!response.ok) throw new Error(`the list of ${kind}s was answered with ${response.status}`);
  return parseCatalogueList(kind, await response.json());
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
