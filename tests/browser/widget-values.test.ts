// What the widget makes of its attributes, its texts, a conversation's states: the parts that need no browser.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { INITIAL_STATE, reduceConversation } from "#app/web/conversation-state.ts";
import type { ChatMessage, ConversationState } from "#app/web/transcript.ts";
import { ENGLISH } from "#app/web/widget/english.ts";
import { canBeStopped } from "#app/web/widget/present-run.ts";
import { RowMaker } from "#app/web/widget/rows.ts";
import { readSettings } from "#app/web/widget/settings.ts";
import { TURKISH } from "#app/web/widget/turkish.ts";
import { toWidgetEvents } from "#app/web/widget/widget-events.ts";
import { chooseLocale, createWords, type Locale } from "#app/web/widget/words.ts";
import { begin, delta, end, failed, finished, started } from "../web/server-events.ts";
import { ADA, changed, ENGINE } from "../web/shown-personas.ts";
import { live, NEW } from "../web/state-steps.ts";

const SCRIPT = "https://chat.example.org/some/widget.js";

function settings(attributes: Readonly<Record<string, string>>, languages: readonly string[] = []) {
  return readSettings({ get: (name) => attributes[name] ?? null, scriptUrl: SCRIPT, languages });
}

function message(id: string, parts: Partial<ChatMessage> = {}): ChatMessage {
  return { type: "message", id, role: "assistant", text: "Yes.", state: "done", source: "model", ...parts };
}

function state(parts: Partial<ConversationState>): ConversationState {
  return { ...INITIAL_STATE, joined: true, link: { status: "online" }, ...parts };
}

describe("the widget's attributes", () => {
  it("may be absent: the server is where the script came from, the rest is modest", () => {
    assert.deepEqual(settings({}, ["de", "tr-TR"]), {
      host: "https://chat.example.org",
      partner: undefined,
      locale: "tr",
      theme: "auto",
      mode: "bubble",
      position: "bottom-right",
      greeting: undefined,
      heading: undefined,
    });
  });

  it("are taken as they are meant, with blanks, capitals and slashes too many", () => {
    const read = settings({
      host: " http://127.0.0.1:8000/prefix/ ",
      object: " note-g ",
      mode: " FULL ",
      theme: "Dark",
      position: "bottom-left",
      locale: "tr-TR",
    });
    assert.equal(read.host, "http://127.0.0.1:8000/prefix");
    assert.deepEqual(read.partner, { kind: "object", id: "note-g" });
    assert.deepEqual(
      [read.mode, read.theme, read.position, read.locale],
      ["full", "dark", "bottom-left", "tr"],
    );
  });

  it("that make no sense are as if they were absent", () => {
    const read = settings({
      host: "http://:::",
      mode: "window",
      theme: "sepia",
      position: "top",
      persona: " ",
    });
    assert.equal(read.host, "https://chat.example.org");
    assert.deepEqual(
      [read.mode, read.theme, read.position, read.partner],
      ["bubble", "auto", "bottom-right", undefined],
    );
  });

  it("name a persona before an object", () => {
    assert.deepEqual(settings({ persona: "engineer", object: "note-g" }).partner, {
      kind: "persona",
      id: "engineer",
    });
  });
});

describe("the widget's words", () => {
  it("have the same places for values in both languages", () => {
    const places = (text: string) => (text.match(/\{\w+\}/g) ?? []).toSorted();
    const turkish = new Map(Object.entries(TURKISH));
    for (const [key, text] of Object.entries(ENGLISH)) {
      assert.deepEqual(places(turkish.get(key) ?? "absent"), places(text), key);
    }
  });

  it("explain a code in the language, in the server's words, or at least by its name", () => {
    assert.equal(createWords("tr").explain("rate_limited", "Too fast."), "Biraz hızlı oldu.");
    assert.equal(createWords("en").explain("rate_limited", "Too fast."), "Too fast.");
    assert.equal(createWords("en").explain("forbidden"), "You may not do this.");
    assert.equal(createWords("en").explain("odd_code"), "odd_code");
  });

  it("fall back to English where none of the wanted languages is spoken", () => {
    assert.equal(chooseLocale(["", "de-AT", "fr"]), "en");
  });
});

describe("the widget's rows", () => {
  const maker = (locale: Locale = "en") =>
    new RowMaker({ words: createWords(locale), nameOf: () => "Ada", greeting: undefined });

  it("are the same objects for messages that have not changed, and new ones for those that have", () => {
    const rows = maker();
    const [first, second] = [message("a"), message("b", { text: "Grow", state: "streaming" })];
    const before = rows.make(state({ messages: [first, second] }));
    const after = rows.make(state({ messages: [first, { ...second, text: "Growing" }] }));
    assert.equal(after[0], before[0]);
    assert.notEqual(after[1], before[1]);
    assert.equal(after[1]?.text, "Growing");
  });

  it("say in plain words where a reply comes from and how it ended", () => {
    const notes = (parts: Partial<ChatMessage>) =>
      maker().make(state({ messages: [message("a", parts)] }))[0]?.notes;
    assert.deepEqual(notes({}), []);
    assert.deepEqual(notes({ source: "offline" }), ["Answering from notes; no model is connected"]);
    assert.deepEqual(notes({ source: "fallback-model", state: "stopped" }), [
      "Answered by the substitute model",
      "Stopped here",
    ]);
    assert.deepEqual(notes({ finishReason: "length" }), ["The reply reached its greatest length"]);
    assert.deepEqual(
      notes({ role: "user", state: "stopped", problem: { code: "quota_exceeded", message: "Used up." } }),
      ["Stopped before an answer", "Used up."],
    );
  });

  it("name the cause for which notes answer only where it is known", () => {
    const note = (source: string, reason?: string) =>
      (["en", "tr"] as const).map((locale) => {
        const said = message("a", { source, ...(reason !== undefined && { reason }) });
        return maker(locale)
          .make(state({ messages: [said] }))[0]
          ?.notes.join(" | ");
      });
    const unconnected = [
      "Answering from notes; no model is connected",
      "Notlardan yanıtlıyor; bağlı bir model yok",
    ];
    const away = ["Answering from notes; the model is offline", "Notlardan yanıtlıyor; model çevrimdışı"];
    const usedUp = [
      "Answering from notes; the allowance for now is used up",
      "Notlardan yanıtlıyor; şimdilik kullanım hakkı doldu",
    ];
    const prepared = ["A prepared line, in their own words", "Önceden hazırlanmış, kendi sözleri"];
    const substitute = ["Answered by the substitute model", "Yedek model yanıtladı"];
    assert.deepEqual(note("offline"), unconnected);
    assert.deepEqual(note("offline", "llm_unavailable"), away);
    assert.deepEqual(note("offline", "llm_timeout"), away);
    assert.deepEqual(note("offline", "quota_exceeded"), usedUp);
    assert.deepEqual(note("scripted", "quota_exceeded"), usedUp);
    assert.deepEqual(note("offline", "unknown"), ["Answering from notes", "Notlardan yanıtlıyor"]);
    assert.deepEqual(note("scripted"), prepared);
    assert.deepEqual(note("scripted", "llm_unavailable"), prepared);
    assert.deepEqual(note("fallback-model", "llm_unavailable"), substitute);
    assert.deepEqual(note("model"), ["", ""]);
  });

  it("mark what is past, which nothing can be done with any more", () => {
    const rows = maker();
    const live = state({ messages: [message("a")], opening: ADA });
    assert.equal(rows.make(live).at(-1)?.messageId, "a");
    const lost = rows.make(reduceConversation(live, { type: "lost" }));
    assert.deepEqual(
      lost.map(({ key }) => key),
      ["past-a", "ended"],
    );
    assert.match(lost[0]?.state ?? "", /past/);
  });

  it("show who thinks, who has taken over and what was not sent", () => {
    const made = maker().make(
      state({
        joined: false,
        messages: [message("q", { role: "user" }), { type: "change", id: "change-1", persona: ENGINE }],
        run: { runId: "r", messageId: "q", speaker: { kind: "object", id: "engine", name: "The Engine" } },
        unsent: [{ id: "u", text: "And?" }],
      }),
    );
    assert.deepEqual(
      made.map(({ kind, text, notes }) => [kind, text, ...notes]),
      [
        ["user", "Yes."],
        ["mark", "The Engine takes over the conversation"],
        ["assistant", "Good day."],
        ["thinking", ""],
        ["user", "And?", "Not sent yet"],
      ],
    );
  });

  it("show who thinks until the run's reply begins, and nobody between its end and that of the run", () => {
    const asked = live(NEW, started("r1", "m1"), begin("a1"), end("a1"), finished("r1"), started("r2", "m2"));
    const streaming = live(asked, begin("a2"), delta("a2", "I"));
    const shown = (present: ConversationState) => [
      maker()
        .make(present)
        .some(({ kind }) => kind === "thinking"),
      canBeStopped(present),
    ];
    assert.deepEqual(shown(asked), [true, true]);
    assert.deepEqual(shown(streaming), [false, true]);
    assert.deepEqual(shown(live(streaming, changed(ENGINE))), [false, true]);
    for (const partial of [false, true]) {
      assert.deepEqual(shown(live(streaming, end("a2", { ...(partial && { partial }) }))), [false, false]);
    }
    assert.deepEqual(shown(live(streaming, end("a2"), finished("r2"))), [false, false]);
    const again = live(streaming, end("a2"), finished("r2"), started("r3", "m2", "Hello", "r2"));
    assert.deepEqual(shown(again), [true, true]);
  });
});

describe("the widget's events", () => {
  it("tell a message once, when it is said, and not what a reload brought back", () => {
    const before = state({ unsent: [{ id: "a", text: "Earlier" }] });
    const after = state({ unsent: [...before.unsent, { id: "b", text: "Now" }] });
    assert.deepEqual(toWidgetEvents(before, after), [{ type: "message", detail: { id: "b", text: "Now" } }]);
    assert.deepEqual(toWidgetEvents(after, state({ unsent: [] })), []);
  });

  it("tell a reply when it ends, with how it ended, and never one of the history", () => {
    const open = state({ messages: [message("a", { state: "streaming", text: "Ye" })] });
    const ended = state({ messages: [message("a", { state: "stopped" })] });
    assert.deepEqual(toWidgetEvents(open, ended), [
      { type: "reply", detail: { id: "a", text: "Yes.", state: "stopped", source: "model" } },
    ]);
    assert.deepEqual(toWidgetEvents(state({}), ended), []);
  });

  it("tell what cut a reply short, which is known when its run ends, and tell it once", () => {
    const outcomes = { interrupted: failed("r1"), stopped: finished("r1", "cancelled") };
    for (const [outcome, last] of Object.entries(outcomes)) {
      const told: unknown[] = [];
      let before = live(NEW, started("r1", "m1"));
      const steps = [begin("a1"), delta("a1", "I"), end("a1", { partial: true }), last, started("r2", "m2")];
      for (const event of steps) {
        const after = live(before, event);
        for (const { type, detail } of toWidgetEvents(before, after)) {
          told.push(type === "reply" ? [type, event.type, detail.state] : type);
        }
        before = after;
      }
      const isFault = outcome === "interrupted";
      assert.deepEqual(told, [["reply", last.type, outcome], ...(isFault ? ["error"] : [])]);
    }
  });

  it("tell a problem once: of the conversation, of a message, of the connection", () => {
    const problem = { code: "rate_limited", message: "Too fast.", retryAfterMs: 100 };
    const failed = state({ problem });
    assert.deepEqual(toWidgetEvents(state({}), failed), [{ type: "error", detail: problem }]);
    assert.deepEqual(toWidgetEvents(failed, { ...failed, seq: 1 }), []);
    const refused = state({ messages: [message("a", { state: "refused", problem })] });
    assert.deepEqual(toWidgetEvents(state({}), refused), [{ type: "error", detail: problem }]);
    const stopped = state({ link: { status: "stopped", code: "forbidden" } });
    assert.deepEqual(toWidgetEvents(state({}), stopped), [
      { type: "error", detail: { code: "forbidden", message: "" } },
    ]);
  });
});
