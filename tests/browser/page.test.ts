// The page at `/` against the real app: talking, stopping, reloading, and a server that goes away.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { until } from "../support/until.ts";
import { HeldModel } from "./held-model.ts";
import { finishedReplies, replies, rows, say, usePages } from "./page-fixture.ts";

const { startApp, visit } = usePages();

describe("a conversation", () => {
  it("with a persona streams a reply, says where it came from, and complains of nothing", async () => {
    const { url } = await startApp();
    const { page, complaints } = await visit(url);
    assert.match((await page.locator(".greeting .text").textContent()) ?? "", /Good day\. I am Ada/);
    await say(page, "When were you born?");
    await finishedReplies(page).waitFor();
    assert.match((await replies(page).locator(".text").textContent()) ?? "", /1815/);
    assert.match((await replies(page).locator(".notes").textContent()) ?? "", /no model is connected/);
    assert.match((await page.locator("#voice").textContent()) ?? "", /1815/);
    assert.equal(await page.inputValue("#message"), "");
    assert.deepEqual(complaints, []);
  });

  it("goes on with an object, which is marked in the list and in the transcript", async () => {
    const { url } = await startApp();
    const { page, complaints } = await visit(url);
    await say(page, "When were you born?");
    await finishedReplies(page).waitFor();
    await page.click("#partner-object-analytical-engine");
    await page.locator(".row.mark").waitFor();
    assert.match((await page.locator(".row.mark").textContent()) ?? "", /The Analytical Engine/);
    assert.equal(await page.locator(".partner[aria-pressed=true]").count(), 1);
    assert.equal(await page.getAttribute("#partner-object-analytical-engine", "aria-pressed"), "true");
    await say(page, "What are your parts?");
    await finishedReplies(page).nth(1).waitFor();
    assert.equal(await replies(page).nth(1).locator(".speaker").textContent(), "The Analytical Engine");
    assert.deepEqual(complaints, []);
  });

  it("may begin with a suggestion, and suggestions leave when it has begun", async () => {
    const { url } = await startApp();
    const { page, complaints } = await visit(url);
    const chip = page.locator(".chip").first();
    const question = await chip.textContent();
    await chip.click();
    await finishedReplies(page).waitFor();
    assert.equal(await page.locator(".row.user .text").textContent(), question);
    assert.equal(await page.locator("#suggestions").isVisible(), false);
    assert.deepEqual(complaints, []);
  });

  it("begins anew at the visitor's wish", async () => {
    const { url } = await startApp();
    const { page } = await visit(url);
    await say(page, "When were you born?");
    await finishedReplies(page).waitFor();
    await page.click("#start-anew");
    await page.locator(".chip").first().waitFor();
    assert.equal((await rows(page)).length, 1);
  });

  it("shows hostile text as text, from either side", async () => {
    const model = new HeldModel();
    const { url } = await startApp({ model });
    const { page, complaints } = await visit(url);
    const hostile = `<img src=x onerror="alert(1)"><script>alert(2)</script>\n[x](javascript:alert(3))`;
    await say(page, `Tell me of Note G. ${hostile}`);
    await model.say(hostile);
    model.finish();
    await finishedReplies(page).waitFor();
    assert.deepEqual((await rows(page)).slice(1), [`Tell me of Note G. ${hostile}`, hostile]);
    assert.equal(await page.locator("#transcript img, #transcript script, #transcript a").count(), 0);
    assert.deepEqual(complaints, []);
  });
});

describe("a reply that is under way", () => {
  it("shows a cursor and is read out by finished sentences only", async () => {
    const model = new HeldModel();
    const { url } = await startApp({ model });
    const { page } = await visit(url);
    await say(page, "Tell me of Note G.");
    await page.locator(".row.assistant.streaming").waitFor();
    await model.say("It is the last. And it");
    await page.getByText("It is the last. And it").waitFor();
    await page.locator("#voice p").waitFor({ state: "attached" });
    assert.equal(await page.locator("#voice").textContent(), "It is the last.");
    await model.say(" holds a table.");
    model.finish();
    await finishedReplies(page).waitFor();
    assert.deepEqual(await page.locator("#voice p").allTextContents(), [
      "It is the last.",
      "And it holds a table.",
    ]);
    assert.equal(await replies(page).locator(".notes").isVisible(), false);
  });

  it("is ended by Stop, keeps what was said, and leaves the conversation open", async () => {
    const model = new HeldModel();
    const { url } = await startApp({ model });
    const { page, complaints } = await visit(url);
    await say(page, "Tell me of Note G.");
    await model.say("It is the last of");
    await page.getByText("It is the last of").waitFor();
    await page.click("#stop");
    await page.locator(".row.assistant.stopped").waitFor();
    assert.equal(await replies(page).locator(".text").textContent(), "It is the last of");
    assert.equal(await replies(page).locator(".notes").textContent(), "Stopped here");
    assert.equal(await page.locator("#stop").isVisible(), false);
    await until("the model's end", () => !model.isAsked);
    await say(page, "And of Note A?");
    await model.say("It compares.");
    model.finish();
    await finishedReplies(page).waitFor();
    assert.deepEqual(complaints, []);
  });

  it("is continued after a reload without loss and without doubling, and so is what waits in line", async () => {
    const model = new HeldModel();
    const { url } = await startApp({ model });
    const { page, complaints } = await visit(url);
    await say(page, "Tell me of Note G.");
    await model.say("One, ");
    await page.getByText("One,").waitFor();
    await say(page, "And of Note A?");
    await page.locator(".row.user.waiting").waitFor();
    await page.fill("#message", "A draft");
    await model.say("two, ");
    await page.reload();
    await model.say("three.");
    await page.getByText("One, two, three.").waitFor();
    await page.locator(".row.user.waiting").waitFor();
    model.finish();
    await finishedReplies(page).first().waitFor();
    await model.say("Answered.");
    model.finish();
    await finishedReplies(page).nth(1).waitFor();
    const shown = ["Tell me of Note G.", "One, two, three.", "And of Note A?", "Answered."];
    assert.deepEqual((await rows(page)).slice(1), shown);
    assert.equal(await page.inputValue("#message"), "A draft");
    assert.deepEqual(complaints, []);
  });

  it("comes again, finished, after another reload, with its speaker's name", async () => {
    const { url } = await startApp();
    const { page } = await visit(url);
    await say(page, "When were you born?");
    await finishedReplies(page).waitFor();
    const before = await rows(page);
    await page.reload();
    await finishedReplies(page).waitFor();
    assert.deepEqual(await rows(page), before);
    assert.equal(await replies(page).locator(".speaker").textContent(), "Ada Lovelace");
  });

  it("reaches every tab of the conversation", async () => {
    const model = new HeldModel();
    const { url } = await startApp({ model });
    const { page } = await visit(url);
    const [second] = await Promise.all([
      page.waitForEvent("popup"),
      page.evaluate("window.open(location.href)"),
    ]);
    await second.locator("#status[data-status=online]").waitFor();
    await say(page, "Tell me of Note G.");
    await model.say("For both.");
    await second.getByText("For both.").waitFor();
    model.finish();
    await finishedReplies(second).waitFor();
    await finishedReplies(page).waitFor();
    assert.deepEqual(await rows(second), await rows(page));
  });
});

it("a server that restarts with its memory lost is come back to; what was not sent is said in a new conversation", async () => {
  const { app, url, port } = await startApp();
  const { page } = await visit(url);
  await say(page, "When were you born?");
  await finishedReplies(page).waitFor();
  await app.close(0);
  await page.locator("#status:not([data-status=online])").waitFor();
  assert.match((await page.locator("#status").textContent()) ?? "", /Reconnecting/);
  await say(page, "Who were your parents?");
  await page.locator(".row.user.unsent").waitFor();
  assert.equal(await page.locator(".row.user.unsent .notes").textContent(), "Not sent yet");

  await startApp({}, port);
  await page.evaluate("dispatchEvent(new Event('online'))");
  await page.locator(".row.mark").waitFor();
  assert.match((await page.locator(".row.mark").textContent()) ?? "", /A new one begins here/);
  await page.locator(".row.assistant.done:not(.past):not(.greeting)").waitFor();
  assert.equal(await page.locator(".row.past").count(), 2);
  assert.equal(await page.locator(".row.user:not(.past) .text").textContent(), "Who were your parents?");
});
