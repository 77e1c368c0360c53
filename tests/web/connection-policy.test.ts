// The pure decisions of the browser side: waits, close codes, words, sentences, lists.

import assert from "node:assert/strict";
import { it } from "node:test";
import { parseCatalogueList } from "#app/web/catalogue.ts";
import { backoffMs, decideAfterClose, decideAfterProbe } from "#app/web/connection-policy.ts";
import { takeSentences } from "#app/web/spoken-sentences.ts";
import { chooseLocale, createWords } from "#app/web/widget/words.ts";

it("close codes below 4500 ask to come back, those above do not", () => {
  for (const code of [1001, 1006, 1011, 1012, 1013, 4001, 4003, 4006, 4499]) {
    assert.deepEqual(decideAfterClose(code, undefined), { type: "retry" }, String(code));
  }
  for (const code of [4500, 4501, 4503, 4504, 4506, 4508, 4999]) {
    assert.equal(decideAfterClose(code, undefined).type, "stop", String(code));
  }
});

it("an idle end is taken up again by the visitor, not by the page", () => {
  assert.deepEqual(decideAfterClose(4505, undefined), { type: "pause" });
});

it("a drain's own time is obeyed, but not against a code that says stay away", () => {
  assert.deepEqual(decideAfterClose(1012, 1234), { type: "retry", afterMs: 1234 });
  assert.equal(decideAfterClose(4503, 1234).type, "stop");
});

it("waits double up to the cap and jitter takes any part of them", () => {
  const waits = [0, 1, 2, 3, 10, 1000].map((attempt) => backoffMs(attempt, 1));
  assert.deepEqual(waits, [500, 1000, 2000, 4000, 20_000, 20_000]);
  assert.equal(backoffMs(5, 0), 0);
  assert.equal(backoffMs(1, 0.5), 500);
});

it("a probe's status and Retry-After, in seconds or as a date, decide", () => {
  const nowMs = Date.parse("2026-11-21T06:00:00Z");
  assert.deepEqual(decideAfterProbe(200, null, nowMs), { type: "retry" });
  assert.deepEqual(decideAfterProbe(503, "7", nowMs), { type: "retry", afterMs: 7000 });
  const date = "Sat, 21 Nov 2026 06:00:03 GMT";
  assert.deepEqual(decideAfterProbe(429, date, nowMs), { type: "retry", afterMs: 3000 });
  assert.deepEqual(decideAfterProbe(503, "soon", nowMs), { type: "retry" });
  assert.equal(decideAfterProbe(401, null, nowMs).type, "stop");
  assert.equal(decideAfterProbe(403, null, nowMs).type, "stop");
});

it("sentences are spoken once each, when they are finished", () => {
  const text = "I was born in 1815. My father left";
  const first = takeSentences(text, 0, false);
  assert.equal(first.spoken, "I was born in 1815.");
  assert.equal(takeSentences(text, first.next, false).spoken, "");
  const last = takeSentences(`${text} soon`, first.next, true);
  assert.equal(last.spoken, "My father left soon");
  assert.equal(takeSentences(`${text} soon`, last.next, true).spoken, "");
});

it("the page takes the first language that it speaks, and English else", () => {
  assert.equal(chooseLocale(["de-AT", "tr-TR", "en"]), "tr");
  assert.equal(chooseLocale(["", "fr"]), "en");
});

it("errors have words in both languages, the server's own where there are none", () => {
  assert.equal(createWords("en").explain("queue_full", "Four are waiting."), "Four are waiting.");
  assert.match(createWords("tr").explain("rate_limited", "Slowly."), /hızlı/);
  assert.equal(createWords("tr").explain("new_code", "Words."), "Words.");
  assert.equal(
    createWords("en").say("reconnecting", { seconds: 3 }),
    "Connection lost. Reconnecting in 3 s…",
  );
});

it("a list of partners is checked, and an entry without id or name left out", () => {
  const list = parseCatalogueList("object", {
    objects: [{ id: "e", name: "E", description: 1 }, { id: 2 }, null],
  });
  assert.deepEqual(list, [{ kind: "object", id: "e", name: "E", description: "" }]);
  assert.throws(() => parseCatalogueList("persona", { objects: [] }), /no list/);
  assert.throws(() => parseCatalogueList("persona", null), /no list/);
});
