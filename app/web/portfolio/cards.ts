// Draws those who can be spoken to as cards, and the questions at the top of the page. What a click means stands on the
// buttons (`data-partner`, `data-asks`); main.ts acts on it.

import { createElement } from "#app/web/element.ts";
import type { Locale } from "#app/web/widget/words.ts";
import { type Listed, MAIN_ID } from "./listing.ts";
import { isTextKey, textNamed } from "./texts.ts";

const SVG = "http://www.w3.org/2000/svg";
const MAIN_QUESTIONS = 4;

interface Places {
  readonly personas: Element;
  readonly objects: Element;
  readonly questions: Element;
}

/** Whoever stands on a button of a card that is drawn again stands on its successor. */
export function drawListing(entries: readonly Listed[], locale: Locale, places: Places): void {
  const focused = document.activeElement;
  const key = focused instanceof HTMLElement ? keyOf(focused) : undefined;
  drawEntries(entries, locale, places);
  if (key === undefined || focused?.isConnected) return;
  const buttons = [...document.querySelectorAll<HTMLElement>("button[data-partner]")];
  buttons.find((button) => keyOf(button) === key)?.focus({ preventScroll: true });
}

function keyOf({ dataset, textContent }: HTMLElement): string | undefined {
  return dataset.partner && `${dataset.partner} ${dataset.asks === undefined ? "" : textContent}`;
}

function drawEntries(entries: readonly Listed[], locale: Locale, places: Places): void {
  const main = entries.find(({ kind, id }) => kind === "persona" && id === MAIN_ID);
  const others = entries.filter((entry) => entry !== main);
  places.personas.replaceChildren(
    ...others.filter(({ kind }) => kind === "persona").map((entry) => card(entry, locale, 2)),
  );
  places.objects.replaceChildren(
    ...others.filter(({ kind }) => kind === "object").map((entry) => card(entry, locale, 1)),
  );
  if (!main) return;
  const questions = main.suggestions.slice(0, MAIN_QUESTIONS).map((text) => askButton(main, text));
  places.questions.replaceChildren(...questions);
}

function card(entry: Listed, locale: Locale, questions: number): HTMLLIElement {
  const { kind, id, name, description, greeting, suggestions } = entry;
  const speak = isTextKey(`${id}Speak`) ? textNamed(locale, `${id}Speak`) : sayingName(locale, name);
  const attributes = { type: "button", "data-partner": `${kind}:${id}` };
  return createElement("li", {
    class: "card",
    attributes: { "data-card": `${kind}:${id}` },
    children: [
      glyph(id),
      createElement("h3", { text: typeset(name) }),
      createElement("p", { class: "description", text: typeset(description) }),
      ...(greeting ? [createElement("p", { class: "greeting", text: typeset(greeting) })] : []),
      createElement("ul", {
        class: "chips",
        children: suggestions.slice(0, questions).map((text) => askButton(entry, text)),
      }),
      createElement("button", { class: "speak", text: speak, attributes }),
    ],
  });
}

/** In the middle of an English sentence an article is written small. */
function sayingName(locale: Locale, name: string): string {
  const inSentence =
    locale === "en" ? name.replace(/^(?:The|An?) /, (article) => article.toLowerCase()) : name;
  return textNamed(locale, "speakWith").replace("{name}", typeset(inSentence));
}

/** The files are written with typewriter apostrophes. */
function typeset(text: string): string {
  return text.replaceAll("'", "’");
}

function askButton({ kind, id }: Listed, text: string): HTMLLIElement {
  const attributes = { type: "button", "data-partner": `${kind}:${id}`, "data-asks": "" };
  return createElement("li", { children: [createElement("button", { class: "ask", text, attributes })] });
}

function glyph(id: string): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  const name = document.getElementById(`glyph-${id}`) ? id : "any";
  use.setAttribute("href", `#glyph-${name}`);
  svg.setAttribute("viewBox", "0 0 120 80");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "glyph");
  svg.append(use);
  return svg;
}
