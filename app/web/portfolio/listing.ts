// Who can be spoken to: the server's lists, checked at this door, and the page's own words for those whom it knows, for
// as long as the lists cannot be had. Knows no element.

import type { PersonaKind } from "#app/models/persona.ts";
import type { Locale } from "#app/web/widget/words.ts";
import { isTextKey, textNamed } from "./texts.ts";

export interface Listed {
  readonly kind: PersonaKind;
  readonly id: string;
  readonly name: string;
  readonly description: string;
  /** The first words, in the visitor's language; empty where only the page's own words are known. */
  readonly greeting: string;
  readonly suggestions: readonly string[];
}

const KNOWN: Readonly<Record<PersonaKind, readonly string[]>> = {
  persona: ["engineer", "researcher", "speaker", "educator"],
  object: [
    "analytical-engine",
    "difference-engine-piece",
    "difference-engine-no-2",
    "jacquard-card",
    "jacquard-portrait",
    "note-g",
  ],
};
/** The persona whose portfolio this is; she has the top of the page. */
export const MAIN_ID = "persona";
const MAIN_QUESTIONS = ["ask1", "ask2", "ask3", "ask4"] as const;
const TIMEOUT_MS = 10_000;

/** @throws when a list cannot be fetched or is no list */
export async function loadListing(locale: Locale): Promise<readonly Listed[]> {
  const lists = await Promise.all([loadList("persona", locale), loadList("object", locale)]);
  return lists.flat().sort((a, b) => rankOf(a) - rankOf(b));
}

/** The page's own words. */
export function knownListing(locale: Locale): readonly Listed[] {
  const text = (key: string) => textNamed(locale, key);
  const others = (["persona", "object"] as const).flatMap((kind) =>
    KNOWN[kind].map((id) => ({
      kind,
      id,
      name: text(id),
      description: text(`${id}Is`),
      greeting: "",
      suggestions: [text(`${id}Ask`)],
    })),
  );
  const main = { kind: "persona" as const, id: MAIN_ID, name: "Ada Lovelace", description: "", greeting: "" };
  return [{ ...main, suggestions: MAIN_QUESTIONS.map(text) }, ...others];
}

/** Names and descriptions are written in one language only: elsewhere the page has its own for those whom it knows. */
function inLocale(entry: Listed, locale: Locale): Listed {
  if (locale === "en" || !isTextKey(entry.id)) return entry;
  return { ...entry, name: textNamed(locale, entry.id), description: textNamed(locale, `${entry.id}Is`) };
}

/** Known ones keep the page's order, others follow. */
function rankOf({ kind, id }: Listed): number {
  const rank = KNOWN[kind].indexOf(id);
  return rank < 0 ? Number.MAX_SAFE_INTEGER : rank;
}

async function loadList(kind: PersonaKind, locale: Locale): Promise<readonly Listed[]> {
  const response = await fetch(`/api/v1/${kind}s?locale=${locale}`, {
    headers: { accept: "application/json" },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!response.ok) throw new Error(`the list of ${kind}s was answered with ${response.status}`);
  return parseListing(kind, await response.json()).map((entry) => inLocale(entry, locale));
}

/** @throws when the value is not `{"personas": […]}` or `{"objects": […]}` */
export function parseListing(kind: PersonaKind, value: unknown): readonly Listed[] {
  const list: unknown = isRecord(value) ? value[`${kind}s`] : undefined;
  if (!Array.isArray(list)) throw new Error(`the answer holds no list of ${kind}s`);
  return list.filter(isRecord).flatMap(({ id, name, description, greeting, suggestions }) => {
    if (typeof id !== "string" || typeof name !== "string") return [];
    return [
      {
        kind,
        id,
        name,
        description: textOf(description),
        greeting: textOf(greeting),
        suggestions: Array.isArray(suggestions) ? suggestions.map(textOf).filter(Boolean) : [],
      },
    ];
  });
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
