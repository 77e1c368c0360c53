// What the widget says when something is not as it should be: a limit, a model that fails, WebSockets that are
// blocked, text that would be markup.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { z } from "zod";
import { AppError } from "#app/core/errors.ts";
import { createScriptedModel } from "../support/scripted-model.ts";
import { HeldModel } from "./held-model.ts";
import { untilHolds } from "./until-holds.ts";
import { finishedReplies, OPEN_BUBBLE, ready, replies, rows, say, useWidgets } from "./widget-fixture.ts";

const { startScene, visit } = useWidgets();

/** Run in the page, which keeps every label that the button ever has: a slow test would miss a second. */
const KEEP_RETRY_LABELS = `
  globalThis.retryLabels = [];
  const look = () => {
    const button = document.querySelector("persona-chat").shadowRoot.querySelector(".retry:not([hidden])");
    const label = button && button.innerText.trim() + (button.disabled ? "" : ", usable");
    if (label && label !== retryLabels.at(-1)) retryLabels.push(label);
    requestAnimationFrame(look);
  };
  look();
`;

it("a limit is told in plain words, with seconds that count down, and the message is kept", async () => {
  const scene = await startScene({ env: { MESSAGES_PER_MINUTE: "1" } });
  const { page } = await visit(scene, OPEN_BUBBLE);
  await ready(page);
  await say(page, "When were you born?");
  await finishedReplies(page).waitFor();
  await say(page, "Who were your parents?");
  const notice = page.locator(".notice p");
  await notice.waitFor();
  const seconds = async () => Number(/(\d+) s/.exec(await notice.innerText())?.[1]);
  assert.match(await notice.innerText(), /Goes out again in \d+ s\.$/);
  const first = await seconds();
  // Any second that is left: a page that stood still may have missed the next one.
  const fewer = Array.from({ length: first }, (_, left) => left).join("|");
  await page.locator(".notice p", { hasText: new RegExp(`in (${fewer}) s`) }).waitFor();
  assert.equal(await page.locator(".row.user.unsent .notes").innerText(), "Not sent yet");
  await page.reload();
  await page.locator(".row.user.unsent").waitFor();
  assert.equal(await page.locator(".row.user.unsent .body").innerText(), "Who were your parents?");
});

it("a reply that fails says so where it was asked for, and is asked for again at a press", async () => {
  const model = createScriptedModel();
  model.script({ fail: new Error("the model has gone") });
  const { page } = await visit(await startScene({ overrides: { model } }), OPEN_BUBBLE);
  await ready(page);
  await say(page, "Tell me of Note G.");
  await page.locator(".row.troubled .notes").waitFor();
  const note = await page.locator(".row.troubled .notes").innerText();
  assert.doesNotMatch(note, /the model has gone|Error/);
  assert.ok(note.length > 10, note);
  model.script("It is the last.");
  await page.locator(".retry:not(:disabled)").click();
  await finishedReplies(page).waitFor();
  assert.deepEqual((await rows(page)).slice(1), ["Tell me of Note G.", "It is the last."]);
  assert.equal(await page.locator(".row.troubled").count(), 0);
});

it("a failed reply may be asked for again after a while, which its button counts down", async () => {
  const model = createScriptedModel();
  model.script({ fail: new AppError("llm_unavailable", { retryAfterMs: 3_000 }) });
  const { page } = await visit(await startScene({ overrides: { model } }), OPEN_BUBBLE);
  await ready(page);
  await page.evaluate(KEEP_RETRY_LABELS);
  await say(page, "Tell me of Note G.");
  const retry = page.locator(".row.troubled .retry");
  await page.locator(".row.troubled .retry:not(:disabled)").waitFor();
  await untilHolds(page, `retryLabels.at(-1) === "Try again, usable"`);
  assert.equal((await retry.innerText()).trim(), "Try again");
  const labels = z.array(z.string()).parse(await page.evaluate("retryLabels"));
  assert.equal(labels.pop(), "Try again, usable");
  const seconds = labels.map((label) => Number(/^Try again in (\d+) s$/.exec(label)?.[1]));
  // A page that is short of time may leave a second out, but goes neither up nor over the time that was named.
  assert.ok(seconds.length > 1, seconds.join());
  assert.ok(
    seconds.every((left, at) => left > 0 && left < (seconds[at - 1] ?? 4)),
    seconds.join(),
  );
  assert.equal(model.calls.length, 1);
  model.script("It is the last.");
  await retry.click();
  await finishedReplies(page).waitFor();
  assert.equal(model.calls.length, 2);
});

it("a budget that is used up is the cause given, from the first word on; later only what is known", async () => {
  const model = new HeldModel();
  const { page } = await visit(await startScene({ overrides: { model } }), OPEN_BUBBLE);
  await ready(page);
  await say(page, "Tell me of Note G.");
  await model.from({ source: "offline", reason: "quota_exceeded" });
  await model.say("It is");
  const usedUp = "Answering from notes; the allowance for now is used up";
  await page.locator(".row.assistant.streaming .notes").waitFor();
  assert.equal(await page.locator(".row.assistant.streaming .notes").innerText(), usedUp);
  await model.say(" the last.");
  model.finish();
  await finishedReplies(page).waitFor();
  assert.equal(await finishedReplies(page).locator(".notes").innerText(), usedUp);
  await page.reload();
  await finishedReplies(page).waitFor();
  assert.equal(await finishedReplies(page).locator(".notes").innerText(), "Answering from notes");
});

it("the transcript is a log that does not read itself out while a reply is being written", async () => {
  const model = new HeldModel();
  const { page } = await visit(await startScene({ overrides: { model } }), OPEN_BUBBLE);
  await ready(page);
  await say(page, "Tell me of Note G.");
  await model.say("It is");
  await page.locator(".row.assistant.streaming", { hasText: "It is" }).waitFor();
  const log = page.getByRole("log");
  assert.equal(await log.getAttribute("aria-live"), "off");
  assert.equal(await log.locator(".row.assistant.streaming").count(), 1);
  // Nothing inside or around it speaks up either: what is read out is said elsewhere, by the sentence.
  assert.equal(await log.locator("[aria-live]:not([aria-live=off]), [role=status], [role=alert]").count(), 0);
  assert.equal(await page.locator("[aria-live]:not([aria-live=off]) .row").count(), 0);
});

it("where WebSockets are blocked, everything goes another way", async () => {
  const model = new HeldModel();
  const { page } = await visit(await startScene({ overrides: { model }, blocksSockets: true }), OPEN_BUBBLE);
  await ready(page);
  await say(page, "Tell me of Note G.");
  await model.say("It is the last of");
  await page.getByText("It is the last of").first().waitFor();
  await page.locator(".stop").click();
  await page.locator(".row.assistant.stopped").waitFor();
  await page.reload();
  await page.locator(".row.assistant.stopped").waitFor();
  assert.deepEqual((await rows(page)).slice(1), ["Tell me of Note G.", "It is the last of"]);
});

describe("hostile text", () => {
  const HOSTILE = [
    `<img src="https://evil.example/a.png" onerror="alert(1)"><script>alert(2)</script>`,
    "[a](javascript:alert(3)) ![beacon](https://evil.example/b.png)",
    `<style>@import "https://evil.example/c.css"</style><iframe src="https://evil.example"></iframe>`,
    `<a href="https://good.example/" onclick="alert(4)" style="position:fixed;inset:0">link</a>`,
    "```html\n<img src=x onerror=alert(5)>\n```",
  ].join("\n\n");

  it("of the visitor is shown as it was written, and of a model never runs, loads or covers anything", async () => {
    const model = new HeldModel();
    const { page, complaints } = await visit(await startScene({ overrides: { model } }), OPEN_BUBBLE);
    await ready(page);
    await say(page, HOSTILE);
    // In pieces, as a stream brings it: half a tag is not a tag.
    for (const piece of HOSTILE.match(/[\s\S]{1,7}/g) ?? []) await model.say(piece);
    model.finish();
    await finishedReplies(page).waitFor();
    assert.equal(await page.locator(".row.user .body").innerText(), HOSTILE);
    const banned = "img, script, style, iframe, svg:not(.icon, .card), form, [onerror], [onclick], [style]";
    assert.equal(await replies(page).locator(".body").locator(banned).count(), 0);
    for (const href of await replies(page)
      .locator("a")
      .evaluateAll((links) => links.map((link) => link.getAttribute("href")))) {
      assert.match(href ?? "https:", /^(?:https?|mailto):/);
    }
    assert.deepEqual(complaints(), []);
  });
});
