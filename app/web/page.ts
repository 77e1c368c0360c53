// The page at `/`: makes the client and the views, and hands each change from one to the others.

import type { PersonaRef } from "#app/models/persona.ts";
import { type Catalogue, loadCatalogue } from "./catalogue.ts";
import { createChatClient } from "./client.ts";
import { ComposerView } from "./composer-view.ts";
import { findElement, setText } from "./element.ts";
import { chooseLocale, createWords, isTextKey, type Locale, type Words } from "./page-texts.ts";
import { PickerView } from "./picker-view.ts";
import { StatusView } from "./status-view.ts";
import { SuggestionsView } from "./suggestions-view.ts";
import { TranscriptView } from "./transcript-view.ts";

const LOCALE_KEY = "parley.locale.v1";
const CATALOGUE_AGAIN_MS = 5_000;
const COUNTDOWN_MS = 500;

const storage = findStorage();
let words = createWords(chooseLocale([storage.local?.getItem(LOCALE_KEY) ?? "", ...navigator.languages]));
let catalogue: Catalogue = { persona: [], object: [] };

const client = createChatClient({
  url: `${location.origin.replace(/^http/, "ws")}/api/v1/chat/ws`,
  locale: words.locale,
  ...(storage.session ? { storage: storage.session } : {}),
});

const transcript = new TranscriptView(
  findElement("transcript", HTMLElement),
  findElement("scroller", HTMLElement),
);
const status = new StatusView();
const composer = new ComposerView({ onSend: (text) => client.send(text), onStop: () => client.stop() });
const suggestions = new SuggestionsView((question) => {
  client.send(question);
  composer.focus();
});
const panel = findElement("partners", HTMLDetailsElement);
const picker = new PickerView(findElement("partner-list", HTMLElement), (entry) => {
  client.choose(entry);
  if (isNarrow()) panel.open = false;
  composer.focus();
});

function draw(): void {
  const { state } = client;
  transcript.draw({ state, words, nameOf });
  status.draw(state, words);
  composer.draw(state, words);
  suggestions.draw(state);
  picker.mark(state.persona);
  transcript.follow();
  setText(findElement("partner-now", HTMLElement), state.persona?.name ?? "");
}

function nameOf({ kind, id }: PersonaRef): string | undefined {
  return catalogue[kind].find((entry) => entry.id === id)?.name;
}

/** Several frames that arrive together are drawn once. */
let isDrawPlanned = false;
function planDraw(): void {
  if (isDrawPlanned) return;
  isDrawPlanned = true;
  // Not requestAnimationFrame alone: a hidden tab gets none, and its title and voice should still go on.
  const plan = document.hidden ? (run: () => void) => setTimeout(run, 100) : requestAnimationFrame;
  plan(() => {
    isDrawPlanned = false;
    draw();
  });
}

function speak(next: Words): void {
  words = next;
  document.documentElement.lang = words.locale;
  document.title = words.say("title");
  for (const element of document.querySelectorAll<HTMLElement>("[data-text]")) {
    setText(element, textNamed(element.dataset.text));
  }
  for (const element of document.querySelectorAll<HTMLElement>("[data-label]")) {
    element.setAttribute("aria-label", textNamed(element.dataset.label));
  }
  for (const button of document.querySelectorAll<HTMLElement>("[data-locale]")) {
    button.setAttribute("aria-pressed", String(button.dataset.locale === words.locale));
  }
}

/** page.html names its texts; a name that is none stands there as it is. */
function textNamed(key = ""): string {
  return isTextKey(key) ? words.say(key) : key;
}

function switchLocale(locale: Locale): void {
  if (locale === words.locale) return;
  speak(createWords(locale));
  storage.local?.setItem(LOCALE_KEY, locale);
  client.setLocale(locale);
  const { messages, waiting, unsent } = client.state;
  // Nothing has been said: greeting and suggestions may as well come in the new language.
  if (messages.length + waiting.length + unsent.length === 0) client.startAnew();
  void drawCatalogue();
  draw();
}

/** Never rejects: a list that cannot be had is asked for again. */
async function drawCatalogue(): Promise<void> {
  const { locale } = words;
  const note = findElement("catalogue-note", HTMLElement);
  try {
    const loaded = await loadCatalogue(locale);
    if (locale !== words.locale) return;
    catalogue = loaded;
    note.hidden = true;
  } catch {
    setText(note, words.say("catalogueFailed"));
    note.hidden = false;
    setTimeout(() => void drawCatalogue(), CATALOGUE_AGAIN_MS);
  }
  picker.draw(catalogue, words);
  draw();
}

/** A browser may forbid storage, and throws at the mere mention of it. */
function findStorage(): { session?: Storage; local?: Storage } {
  try {
    return { session: sessionStorage, local: localStorage };
  } catch {
    return {};
  }
}

function isNarrow(): boolean {
  return matchMedia("(max-width: 56rem)").matches;
}

/** The network is back, or the visitor is: no reason to sit out a wait. */
function hurry(): void {
  if (client.state.link.status === "waiting" && !document.hidden) client.wake();
}

client.on("change", planDraw);
setInterval(() => {
  if (client.state.link.status === "waiting") planDraw();
}, COUNTDOWN_MS);
addEventListener("online", hurry);
document.addEventListener("visibilitychange", hurry);
findElement("start-anew", HTMLButtonElement).addEventListener("click", () => {
  client.startAnew();
  composer.focus();
});
for (const button of document.querySelectorAll<HTMLElement>("[data-locale]")) {
  button.addEventListener("click", () => switchLocale(chooseLocale([button.dataset.locale ?? ""])));
}
const followWidth = () => {
  panel.open = !isNarrow();
};
matchMedia("(max-width: 56rem)").addEventListener("change", followWidth);
followWidth();
speak(words);
void drawCatalogue();
draw();
if (!isNarrow()) composer.focus();
