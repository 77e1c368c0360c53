// The portfolio page at `/`: language, colours, the lists of those who can be spoken to, and the buttons that open the
// chat. The talking is the widget's; the page is readable without any of this.

import type { PersonaRef } from "#app/models/persona.ts";
import { findElement, setText } from "#app/web/element.ts";
import { chooseLocale, type Locale } from "#app/web/widget/words.ts";
import { drawListing } from "./cards.ts";
import { Chat } from "./chat.ts";
import { knownListing, type Listed, loadListing } from "./listing.ts";
import { textNamed } from "./texts.ts";
import { applyTheme, chooseTheme, type Theme } from "./theme.ts";
import { wordPage } from "./wording.ts";

const LOCALE_KEY = "parley.locale.v1";
const THEME_KEY = "parley.theme.v1";
const AGAIN_MS = 5_000;

const storage = findStorage();
let locale = chooseLocale([storage?.getItem(LOCALE_KEY) ?? "", ...navigator.languages]);
let isListMissing = false;
let isChatMissing = false;

const places = {
  personas: findElement("persona-cards", HTMLElement),
  objects: findElement("object-cards", HTMLElement),
  questions: findElement("hero-chips", HTMLElement),
};
const chat = new Chat((isMissing) => {
  isChatMissing = isMissing;
  drawNotes();
});

function switchLocale(next: Locale): void {
  locale = next;
  wordPage(locale);
  press("[data-locale]", ({ dataset }) => dataset.locale === locale);
  chat.setAttribute("locale", locale);
  drawEntries(knownListing(locale));
  drawNotes();
  void loadEntries();
}

function switchTheme(theme: Theme): void {
  applyTheme(document.documentElement.dataset, theme);
  press("[data-theme-choice]", ({ dataset }) => dataset.themeChoice === theme);
  chat.setAttribute("theme", theme);
}

function press(selector: string, isPressed: (button: HTMLElement) => boolean): void {
  for (const button of document.querySelectorAll<HTMLElement>(selector)) {
    button.setAttribute("aria-pressed", String(isPressed(button)));
  }
}

function drawEntries(entries: readonly Listed[]): void {
  drawListing(entries, locale, places);
}

function drawNotes(): void {
  const text = (isShown: boolean, key: "listFailed" | "chatFailed") =>
    isShown ? textNamed(locale, key) : "";
  setText(findElement("list-note", HTMLElement), text(isListMissing, "listFailed"));
  setText(findElement("chat-note", HTMLElement), text(isChatMissing, "chatFailed"));
}

/** Never rejects: a list that cannot be had is asked for again, and the page's own words stand meanwhile. */
async function loadEntries(): Promise<void> {
  const wanted = locale;
  try {
    const entries = await loadListing(wanted);
    if (wanted !== locale) return;
    isListMissing = false;
    drawEntries(entries);
  } catch {
    if (wanted !== locale) return;
    isListMissing = true;
    setTimeout(() => {
      if (wanted === locale) void loadEntries();
    }, AGAIN_MS);
  }
  drawNotes();
}

/** `persona:engineer`, as the buttons name them. */
function partnerOf(name: string): PersonaRef | undefined {
  const [kind, id] = name.split(":");
  return (kind === "persona" || kind === "object") && id ? { kind, id } : undefined;
}

function act(button: HTMLElement): void {
  const { partner, asks, locale: language, themeChoice } = button.dataset;
  const ref = partner === undefined ? undefined : partnerOf(partner);
  if (ref) void chat.speakWith(ref, asks === undefined ? undefined : (button.textContent ?? undefined));
  if (language !== undefined) {
    switchLocale(chooseLocale([language]));
    storage?.setItem(LOCALE_KEY, locale);
  }
  if (themeChoice !== undefined) {
    switchTheme(chooseTheme(themeChoice));
    storage?.setItem(THEME_KEY, themeChoice);
  }
}

/** A browser may forbid storage, and throws at the mere mention of it. */
function findStorage(): Storage | undefined {
  try {
    return localStorage;
  } catch {
    return undefined;
  }
}

document.addEventListener("click", ({ target }) => {
  const button = target instanceof Element ? target.closest("button") : null;
  if (button) act(button);
});
switchTheme(chooseTheme(storage?.getItem(THEME_KEY)));
switchLocale(locale);
