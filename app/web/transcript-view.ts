// Draws the transcript. Every item has one element for its life, so that a streaming reply only grows a text node
// and a reader's selection and place survive.

import type { PersonaRef } from "#app/models/persona.ts";
import { createElement, setText } from "./element.ts";
import { isTextKey, type Words } from "./page-texts.ts";
import type { ChatMessage, ConversationState, PersonaChange, Speaker } from "./transcript.ts";

/** What a drawing is made from. */
export interface Scene {
  readonly state: ConversationState;
  readonly words: Words;
  /** Names of those whom a stored reply knows by id alone. */
  readonly nameOf: (persona: PersonaRef) => string | undefined;
}

interface Row {
  readonly key: string;
  readonly class: string;
  readonly speaker: string;
  readonly text: string;
  readonly notes: readonly string[];
}

interface DrawnRow {
  readonly element: HTMLElement;
  readonly speaker: HTMLElement;
  readonly text: HTMLElement;
  readonly notes: HTMLElement;
}

/** Closer than this to the end counts as reading along. */
const FOLLOW_WITHIN_PX = 96;

export class TranscriptView {
  readonly #list: HTMLElement;
  readonly #scroller: HTMLElement;
  readonly #drawn = new Map<string, DrawnRow>();
  #lastKey: string | undefined;
  #follows = true;

  constructor(list: HTMLElement, scroller: HTMLElement) {
    this.#list = list;
    this.#scroller = scroller;
  }

  draw(scene: Scene): void {
    const rows = toRows(scene);
    this.#follows = this.#isAtEnd() || this.#hasOwnNewRow(rows);
    const keys = new Set(rows.map(({ key }) => key));
    for (const [key, { element }] of this.#drawn) {
      if (keys.has(key)) continue;
      element.remove();
      this.#drawn.delete(key);
    }
    for (const [index, row] of rows.entries()) {
      const { element } = this.#drawRow(row);
      const there = this.#list.children[index];
      if (there !== element) this.#list.insertBefore(element, there ?? null);
    }
    this.#lastKey = rows.at(-1)?.key;
  }

  /** Goes to the end, once everything is drawn, where the visitor was reading along. */
  follow(): void {
    if (this.#follows) this.#scroller.scrollTop = this.#scroller.scrollHeight;
  }

  #isAtEnd(): boolean {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    return scrollHeight - scrollTop - clientHeight < FOLLOW_WITHIN_PX;
  }

  /** What the visitor has just said is always shown, wherever the page was scrolled to. */
  #hasOwnNewRow(rows: readonly Row[]): boolean {
    const last = rows.at(-1);
    return last !== undefined && last.key !== this.#lastKey && last.class.startsWith("row user");
  }

  #drawRow(row: Row): DrawnRow {
    const drawn = this.#drawn.get(row.key) ?? createRow();
    this.#drawn.set(row.key, drawn);
    if (drawn.element.className !== row.class) drawn.element.className = row.class;
    setText(drawn.speaker, row.speaker);
    setReplyText(drawn.text, row.text);
    setText(drawn.notes, row.notes.join(" · "));
    drawn.notes.hidden = row.notes.length === 0;
    drawn.text.hidden = row.text === "" && !row.class.includes("streaming");
    drawn.speaker.hidden = row.speaker === "";
    return drawn;
  }
}

function createRow(): DrawnRow {
  const speaker = createElement("p", { class: "speaker" });
  const text = createElement("p", { class: "text" });
  const notes = createElement("p", { class: "notes" });
  return { element: createElement("li", { children: [speaker, text, notes] }), speaker, text, notes };
}

/** A text that grew gets only its new end, which costs the same however long it is. */
function setReplyText(element: HTMLElement, text: string): void {
  const node = element.firstChild;
  if (!(node instanceof Text) || !text.startsWith(node.data)) setText(element, text);
  else if (text.length > node.length) node.appendData(text.slice(node.length));
}

function toRows(scene: Scene): Row[] {
  const { state, words } = scene;
  const row = (message: ChatMessage) => toMessageRow(message, scene);
  const { past, messages, waiting, unsent, opening, ended, run } = state;
  const rows = past.map((item) => (item.type === "change" ? toChangeRow(item, words) : row(item)));
  for (const [index, old] of rows.entries())
    rows[index] = { ...old, class: `${old.class} past`, key: `past-${old.key}` };
  if (ended) rows.push(toMark("ended", words.say("endedAbove")));
  if (opening) rows.push(toGreeting(opening, "greeting"));
  for (const item of messages) {
    if (item.type === "message") rows.push(row(item));
    else rows.push(toChangeRow(item, words), toGreeting(item.persona, `greeting-${item.id}`));
  }
  const last = messages.at(-1);
  const isSilent = last?.type !== "message" || last.state !== "streaming";
  if (run && isSilent) rows.push(row({ ...THINKING, speaker: run.speaker }));
  rows.push(...waiting.map(row));
  for (const { id, text } of unsent) {
    const late =
      state.link.status === "online" && state.joined && !state.problem ? [] : [words.say("unsent")];
    rows.push({ key: id, class: "row user unsent", speaker: words.say("you"), text, notes: late });
  }
  return rows;
}

const THINKING: ChatMessage = {
  type: "message",
  id: "thinking",
  role: "assistant",
  text: "",
  state: "streaming",
};

function toGreeting({ name, greeting }: { name: string; greeting: string }, key: string): Row {
  return { key, class: "row assistant greeting", speaker: name, text: greeting, notes: [] };
}

function toChangeRow({ id, persona }: PersonaChange, words: Words): Row {
  return toMark(id, words.say("nowSpeaking", { name: persona.name }));
}

function toMark(key: string, text: string): Row {
  return { key, class: "row mark", speaker: "", text, notes: [] };
}

function toMessageRow(message: ChatMessage, scene: Scene): Row {
  const { id, role, text, state, problem } = message;
  return {
    key: id,
    class: `row ${role} ${state}${problem ? " troubled" : ""}`,
    speaker: role === "user" ? scene.words.say("you") : toName(message.speaker, scene),
    text,
    notes: toNotes(message, scene.words),
  };
}

function toNotes(
  { role, state, source = "", finishReason = "", problem }: ChatMessage,
  words: Words,
): string[] {
  const keys: string[] = [];
  if (source !== "model") keys.push(source);
  if (finishReason !== "stop") keys.push(finishReason);
  if (role === "assistant" || state === "waiting" || state === "refused") keys.push(state);
  else if (state === "stopped") keys.push("stoppedBefore");
  const notes = keys.filter(isTextKey).map((key) => words.say(key));
  return problem ? [...notes, words.explain(problem.code, problem.message)] : notes;
}

function toName(speaker: Speaker | undefined, { state, nameOf }: Scene): string {
  if (!speaker) return state.persona?.name ?? "";
  return speaker.name ?? nameOf(speaker) ?? speaker.id;
}
