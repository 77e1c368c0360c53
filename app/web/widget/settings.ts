// What a page asks of the widget by attributes, read into one value. What is not understood is as if it were absent.

import type { PersonaRef } from "#app/models/persona.ts";
import { chooseLocale, type Locale } from "./words.ts";

export type WidgetMode = "bubble" | "panel" | "full";
export type WidgetTheme = "light" | "dark" | "auto";

export interface WidgetSettings {
  /** Address of the server, without a slash at the end. */
  readonly host: string;
  /** Who answers a new conversation; the server's main persona where absent. */
  readonly partner: PersonaRef | undefined;
  readonly locale: Locale;
  readonly theme: WidgetTheme;
  readonly mode: WidgetMode;
  readonly position: "bottom-right" | "bottom-left";
  /** Stands in place of the persona's own first words. */
  readonly greeting: string | undefined;
  /** Stands in the header in place of the persona's name. */
  readonly heading: string | undefined;
}

export const SETTING_NAMES = [
  "host",
  "persona",
  "object",
  "locale",
  "theme",
  "mode",
  "greeting",
  "position",
  "heading",
] as const;

export type SettingName = (typeof SETTING_NAMES)[number];

export interface SettingSource {
  readonly get: (name: SettingName) => string | null;
  /** Where the script came from. */
  readonly scriptUrl: string;
  /** Languages of the page, then of its reader. */
  readonly languages: readonly string[];
}

export function readSettings({ get, scriptUrl, languages }: SettingSource): WidgetSettings {
  return {
    host: readHost(get("host"), scriptUrl),
    partner: readPartner(get),
    locale: chooseLocale([get("locale") ?? "", ...languages]),
    theme: oneOf(get("theme"), ["auto", "light", "dark"]),
    mode: oneOf(get("mode"), ["bubble", "panel", "full"]),
    position: oneOf(get("position"), ["bottom-right", "bottom-left"]),
    greeting: get("greeting")?.trim() || undefined,
    heading: get("heading")?.trim() || undefined,
  };
}

function readHost(given: string | null, scriptUrl: string): string {
  const url = URL.parse(given?.trim() || "/", scriptUrl) ?? new URL("/", scriptUrl);
  return url.href.replace(/[?#].*$/, "").replace(/\/+$/, "");
}

function readPartner(get: SettingSource["get"]): PersonaRef | undefined {
  for (const kind of ["persona", "object"] as const) {
    const id = get(kind)?.trim();
    if (id) return { kind, id };
  }
  return undefined;
}

/** The name that is given, in whatever capitals; the first where it is none of them. */
function oneOf<Name extends string>(given: string | null, names: readonly [Name, ...Name[]]): Name {
  return names.find((name) => name === given?.trim().toLowerCase()) ?? names[0];
}
