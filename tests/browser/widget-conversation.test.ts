// What a visitor does in the widget, against the real app from a page of another origin: talking, stopping, changing
// a message, asking again, judging, speaking with somebody else.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { until } from "../support/until.ts";
import { HeldModel } from "./held-model.ts";
import { finishedReplies, OPEN_BUBBLE, ready, replies, rows, say, useWidgets } from "./widget-fixture.ts";

const { startScene, visit } = useWidgets();

describe("a conversation in the widget", () => {
  it("streams a reply, says where it came from, and breaks no policy of the embedding page", async () => {
    const { page, complaints } = await visit(await startScene(), OPEN_BUBBLE);
    await ready(page);
    assert.match((await rows(page))[0] ?? "", /Good day\. I am Ada/);
    await say(page, "When were you born?");
    await finishedReplies(page).waitFor();
    assert.match(await replies(page).locator(".body").innerText(), /1815/);
    assert.match(await replies(page).locator(".notes").innerText(), /no model is connected/);
    assert.match((await page.locator(".voice").textContent()) ?? "", /1815/);
    assert.equal(await page.locator(".composer textarea").inputValue(), "");
    assert.deepEqual(complaints(), []);
  });

  it("shows who thinks, is read out by finished sentences only, and renders markdown when it is there", async () => {
    const model = new HeldModel();
    const { page, complaints } = await visit(await startScene({ overrides: { model } }), OPEN_BUBBLE);
    await ready(page);
    await say(page, "Tell me of Note G.");
    await page.locator(".row.thinking .dots").waitFor();
    await model.say("It is the **last** of the Notes. It comp");
    await page.getByText("It comp").waitFor();
    const voice = page.locator(".voice");
    await page.locator(".voice p").waitFor({ state: "attached" });
    assert.equal(await voice.innerText(), "It is the last of the Notes.");
    await model.say("utes numbers.");
    model.finish();
    await finishedReplies(page).waitFor();
    assert.equal((await voice.locator("p").allTextContents()).at(-1), "It computes numbers.");
    assert.equal(await replies(page).locator(".body strong").innerText(), "last");
    assert.deepEqual(complaints(), []);
  });

  it("says of a substitute that it is one from its first word on", async () => {
    const model = new HeldModel();
    const { page } = await visit(await startScene({ overrides: { model } }), OPEN_BUBBLE);
    await ready(page);
    await say(page, "Tell me of Note G.");
    await model.from({ source: "fallback-model", reason: "llm_unavailable" });
    await model.say("It is the last");
    const streaming = page.locator(".row.assistant.streaming");
    await streaming.getByText("It is the last").waitFor();
    assert.equal(await streaming.locator(".notes").innerText(), "Answered by the substitute model");
  });

  it("is stopped where the visitor stops it, and goes on with the next message", async () => {
    const model = new HeldModel();
    const { page, complaints } = await visit(await startScene({ overrides: { model } }), OPEN_BUBBLE);
    await ready(page);
    await say(page, "Tell me of Note G.");
    await model.say("It is the last of");
    await page.getByText("It is the last of").waitFor();
    await page.locator(".stop").click();
    await page.locator(".row.assistant.stopped").waitFor();
    assert.equal(await replies(page).locator(".body").innerText(), "It is the last of");
    assert.equal(await replies(page).locator(".notes").innerText(), "Stopped here");
    assert.equal(await page.locator(".stop").isVisible(), false);
    await until("the model's end", () => !model.isAsked);
    await say(page, "And of Note A?");
    await model.say("It compares.");
    model.finish();
    await finishedReplies(page).waitFor();
    assert.deepEqual(complaints(), []);
  });

  it("may begin with a suggestion, and suggestions leave when it has begun", async () => {
    const { page } = await visit(await startScene(), OPEN_BUBBLE);
    const chip = page.locator(".chip").first();
    const question = await chip.innerText();
    await chip.click();
    await finishedReplies(page).waitFor();
    assert.equal(await page.locator(".row.user .body").innerText(), question);
    assert.equal(await page.locator(".suggestions").isVisible(), false);
  });

  it("goes on with somebody else from the list, who is marked in the transcript and in the list", async () => {
    const { page, complaints } = await visit(await startScene(), OPEN_BUBBLE);
    await ready(page);
    await say(page, "When were you born?");
    await finishedReplies(page).waitFor();
    await page.locator(".switcher").click();
    await page.locator("[data-partner='object/analytical-engine']").click();
    await page.locator(".row.mark").waitFor();
    assert.match(await page.locator(".row.mark").innerText(), /The Analytical Engine/);
    assert.equal(await page.locator(".title .name").innerText(), "The Analytical Engine");
    await say(page, "What are your parts?");
    await finishedReplies(page).nth(1).waitFor();
    assert.equal(await replies(page).nth(1).locator(".speaker").innerText(), "The Analytical Engine");
    await page.locator(".switcher").click();
    assert.equal(
      await page.locator(".partner[aria-pressed=true] .name").innerText(),
      "The Analytical Engine",
    );
    assert.deepEqual(complaints(), []);
  });

  it("refuses a text that is too long before it is sent, and says by how much", async () => {
    const { page } = await visit(await startScene(), OPEN_BUBBLE);
    await ready(page);
    await page.locator(".composer textarea").fill("x".repeat(2003));
    assert.equal(await page.locator(".send").isDisabled(), true);
    assert.equal(await page.locator(".excess").innerText(), "3 characters too many");
    await page.locator(".composer textarea").press("Enter");
    assert.equal(await page.locator(".row.user").count(), 0);
  });
});

describe("a message that has been answered", () => {
  it("is changed in its place, which takes away what followed and answers it afresh", async () => {
    const model = new HeldModel();
    const { page, complaints } = await visit(await startScene({ overrides: { model } }), OPEN_BUBBLE);
    await ready(page);
    await say(page, "Tell me of Note G.");
    await model.say("Of Note G.");
    model.finish();
    await finishedReplies(page).waitFor();
    await page.locator(".edit").click();
    const editor = page.locator(".row-form textarea");
    await editor.fill("Something else");
    await editor.press("Escape");
    assert.deepEqual((await rows(page)).slice(1), ["Tell me of Note G.", "Of Note G."]);

    await page.locator(".edit").click();
    await editor.fill("Tell me of Note A.");
    await editor.press("Enter");
    await model.say("Of Note A.");
    model.finish();
    await replies(page).getByText("Of Note A.", { exact: true }).waitFor();
    await finishedReplies(page).waitFor();
    assert.deepEqual((await rows(page)).slice(1), ["Tell me of Note A.", "Of Note A."]);
    assert.deepEqual(complaints(), []);
  });

  it("is answered again, and the former reply leaves", async () => {
    const model = new HeldModel();
    const { page } = await visit(await startScene({ overrides: { model } }), OPEN_BUBBLE);
    await ready(page);
    await say(page, "Tell me of Note G.");
    await model.say("The first answer.");
    model.finish();
    await finishedReplies(page).waitFor();
    await page.locator(".latest .regenerate").click();
    await model.say("The second answer.");
    model.finish();
    await page.getByText("The second answer.").first().waitFor();
    await finishedReplies(page).waitFor();
    assert.deepEqual((await rows(page)).slice(1), ["Tell me of Note G.", "The second answer."]);
  });

  it("keeps the judgement of its reply over a reload, with the remark that came with it", async () => {
    const { page, complaints } = await visit(await startScene(), OPEN_BUBBLE);
    await ready(page);
    await say(page, "When were you born?");
    await finishedReplies(page).waitFor();
    await page.locator(".rate-down").click();
    await page.locator(".rate-down[aria-pressed=true]").waitFor();
    await page.locator(".feedback-form textarea").fill("The year is missing.");
    await page.locator(".feedback-form textarea").press("Enter");
    assert.equal(await page.locator(".feedback-form").count(), 0);
    await page.reload();
    await page.locator(".rate-down[aria-pressed=true]").waitFor();
    assert.equal(await page.locator(".rate-up").getAttribute("aria-pressed"), "false");
    assert.deepEqual(complaints(), []);
  });
});

describe("the menu", () => {
  it("begins a new conversation", async () => {
    const { page } = await visit(await startScene(), OPEN_BUBBLE);
    await ready(page);
    await say(page, "When were you born?");
    await finishedReplies(page).waitFor();
    await page.locator(".menu-button").click();
    await page.locator(".start-anew").click();
    await page.locator(".chip").first().waitFor();
    assert.equal((await rows(page)).length, 1);
  });

  it("saves a copy of everything that was said", async () => {
    const { page } = await visit(await startScene(), OPEN_BUBBLE, { acceptDownloads: true });
    await ready(page);
    await say(page, "When were you born?");
    await finishedReplies(page).waitFor();
    await page.locator(".menu-button").click();
    const [download] = await Promise.all([page.waitForEvent("download"), page.locator(".export").click()]);
    assert.match(download.suggestedFilename(), /^conversation-\d{4}-\d\d-\d\d\.json$/);
    const chunks: Buffer[] = [];
    for await (const chunk of await download.createReadStream()) chunks.push(chunk);
    const copy = Buffer.concat(chunks).toString("utf8");
    assert.match(copy, /When were you born\?/);
    assert.match(copy, /1815/);
  });

  it("says in the visitor's language why a copy cannot be had, and why nothing was erased", async () => {
    const scene = await startScene();
    const markup = `<persona-chat open locale="tr"></persona-chat>`;
    const { page } = await visit(scene, markup);
    await ready(page);
    await say(page, "Ne zaman doğdunuz?");
    await finishedReplies(page).waitFor();
    await page.context().setOffline(true);
    await page.locator(".menu-button").click();
    await page.locator(".export").click();
    const text = page.locator("#sheet-text");
    await text.waitFor();
    assert.equal(await text.innerText(), "Kopya alınamadı: Sunucuya ulaşılamıyor.");
    await page.keyboard.press("Escape");
    await page.locator(".menu-button").click();
    await page.locator(".menu .erase").click();
    await page.locator(".erase-now").click();
    await page.getByText("Silinemedi: Sunucuya ulaşılamıyor.").waitFor();
  });

  it("erases after a question, and nothing of it is there after a reload", async () => {
    const { page } = await visit(await startScene(), OPEN_BUBBLE);
    await ready(page);
    await say(page, "When were you born?");
    await finishedReplies(page).waitFor();
    const erase = async () => {
      await page.locator(".menu-button").click();
      await page.locator(".menu .erase").click();
      await page.locator("[role=alertdialog]").waitFor();
    };
    await erase();
    await page.locator(".keep").click();
    assert.equal((await rows(page)).length, 3);
    await erase();
    await page.locator(".erase-now").click();
    await page.locator(".chip").first().waitFor();
    assert.equal((await rows(page)).length, 1);
    await page.reload();
    await page.locator(".chip").first().waitFor();
    assert.equal((await rows(page)).length, 1);
  });
});
