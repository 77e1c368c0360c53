// The lines of the transcript, made from a state: who says what, with which notes, and what can be done with it.
// Pure. A message that has not changed gives the same row again, so that 2,000 of them cost nothing to draw.

import type { PersonaRef } from "#app/models/persona.ts";
import type { ChatMessage, ConversationState, Problem, TranscriptItem } from "#app/web/transcript.ts";
import { replyOfRun } from "./present-run.ts";
import { isTextKey, type Words } from "./words.ts";

export interface Row {
  readonly key: string;
  readonly kind: "user" | "assistant" | "mark" | "thinking" | "typing";
  /** Class names beside the kind. */
  readonly state: string;
  readonly speaker: string;
  readonly text: string;
  readonly notes: readonly string[];
  /** Id of the message that the server knows, where there is one to act upon. */
  readonly messageId?: string | undefined;
  readonly rating?: "up" | "down" | undefined;
  readonly problem?: Problem | undefined;
}

export interface RowSources {
  readonly words: Words;
  /** Names of those whom a stored reply knows by id alone. */
  readonly nameOf: (persona: PersonaRef) => string | undefined;
  readonly greeting: string | undefined;
}

export class RowMaker {
  readonly #sources: RowSources;
  readonly #made = new WeakMap<TranscriptItem, readonly Row[]>();
  /** The same messages, after their conversation has ended. */
  readonly #madePast = new WeakMap<TranscriptItem, readonly Row[]>();

  constructor(sources: RowSources) {
    this.#sources = sources;
  }

  make(state: ConversationState): Row[] {
    const { words, greeting } = this.#sources;
    const { past, messages, waiting, unsent, opening, ended, erased, run, hasOlder } = state;
    const rows = past.flatMap((item) => this.#rowsOf(item, true));
    if (erased) rows.push(toMark("ended", words.say("erasedAbove")));
    else if (ended) rows.push(toMark("ended", words.say("endedAbove")));
    if (opening && hasOlder !== true) {
      rows.push(toGreeting("greeting", opening.name, greeting ?? opening.greeting));
    }
    for (const item of messages) rows.push(...this.#rowsOf(item, false));
    if (run && !replyOfRun(state)) {
      rows.push(toThinking(run.speaker.name ?? this.#sources.nameOf(run.speaker) ?? ""));
    }
    rows.push(...waiting.flatMap((message) => this.#rowsOf(message, false)));
    const isLate = !state.joined || state.problem !== undefined;
    for (const { id, text } of unsent) rows.push(this.#toUnsent(id, text, isLate));
    if (state.othersTyping) rows.push({ ...toMark("typing", words.say("othersTyping")), kind: "typing" });
    return rows;
  }

  #rowsOf(item: TranscriptItem, isPast: boolean): readonly Row[] {
    const cache = isPast ? this.#madePast : this.#made;
    const known = cache.get(item);
    if (known) return known;
    const rows = item.type === "change" ? this.#toChange(item) : [this.#toMessage(item, isPast)];
    const made = isPast
      ? rows.map((row) => ({ ...row, key: `past-${row.key}`, state: `${row.state} past` }))
      : rows;
    cache.set(item, made);
    return made;
  }

  #toMessage(message: ChatMessage, isPast: boolean): Row {
    const { id, role, text, state, problem, feedback, speaker } = message;
    const isSettled = !isPast && !["waiting", "streaming", "refused"].includes(state);
    return {
      key: id,
      kind: role,
      state: `${state}${problem ? " troubled" : ""}`,
      speaker: role === "user" ? this.#sources.words.say("you") : this.#nameOf(speaker),
      text,
      notes: this.#toNotes(message),
      messageId: isSettled ? id : undefined,
      rating: feedback?.rating,
      problem,
    };
  }

  #nameOf(speaker: ChatMessage["speaker"]): string {
    if (!speaker) return "";
    return speaker.name ?? this.#sources.nameOf(speaker) ?? "";
  }

  #toChange({ id, persona }: Extract<TranscriptItem, { type: "change" }>): Row[] {
    const mark = toMark(id, this.#sources.words.say("nowSpeaking", { name: persona.name }));
    return [mark, toGreeting(`greeting-${id}`, persona.name, persona.greeting)];
  }

  #toUnsent(key: string, text: string, isLate: boolean): Row {
    const { words } = this.#sources;
    const notes = isLate ? [words.say("unsent")] : [];
    return { key, kind: "user", state: "unsent", speaker: words.say("you"), text, notes };
  }

  #toNotes({ role, state, source = "", reason, finishReason = "", problem }: ChatMessage): string[] {
    const { words } = this.#sources;
    const keys: string[] = [];
    if (source !== "model") keys.push(toSourceKey(source, reason));
    if (finishReason !== "stop") keys.push(finishReason);
    if (
      role === "assistant"
        ? ["stopped", "interrupted"].includes(state)
        : ["waiting", "refused"].includes(state)
    ) {
      keys.push(state);
    } else if (state === "stopped") keys.push("stoppedBefore");
    const notes = keys.filter(isTextKey).map((key) => words.say(key));
    return problem ? [...notes, words.explain(problem.code, problem.message)] : notes;
  }
}

/** Where the words come from, and why, as far as that is known: no cause is claimed that nobody has named. */
function toSourceKey(source: string, reason: string | undefined): string {
  if (reason === "quota_exceeded" && ["offline", "scripted"].includes(source)) return "allowanceUsed";
  if (source !== "offline" || reason === undefined) return source;
  return reason.startsWith("llm_") ? "modelOffline" : "fromNotes";
}

function toGreeting(key: string, speaker: string, text: string): Row {
  return { key, kind: "assistant", state: "greeting", speaker, text, notes: [] };
}

function toThinking(speaker: string): Row {
  return { key: "thinking", kind: "thinking", state: "", speaker, text: "", notes: [] };
}

function toMark(key: string, text: string): Row {
  return { key, kind: "mark", state: "", speaker: "", text, notes: [] };
}
