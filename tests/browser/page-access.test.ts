// The page at `/` for everyone: Turkish, small screens, keyboard only, a text that is too long.

import assert from "node:assert/strict";
import { it } from "node:test";
import { HeldModel } from "./held-model.ts";
import { finishedReplies, replies, rows, say, usePages } from "./page-fixture.ts";

const { startApp, visit } = usePages();

it("the page speaks Turkish to who prefers it, and changes at a press", async () => {
  const { url } = await startApp();
  const { page, complaints } = await visit(url, { locale: "tr-TR" });
  assert.equal(await page.getAttribute("html", "lang"), "tr");
  assert.equal(await page.title(), "Ada Lovelace ile söyleşi");
  assert.match((await page.locator(".greeting .text").textContent()) ?? "", /^İyi günler/);
  await say(page, "Ne zaman doğdun?");
  await finishedReplies(page).waitFor();
  assert.match((await replies(page).locator(".notes").textContent()) ?? "", /bağlı bir model yok/);

  await page.click("[data-locale=en]");
  assert.equal(await page.locator("#send").textContent(), "Send");
  await page.getByText("Answering from notes").waitFor();
  await page.reload();
  assert.equal(await page.getAttribute("html", "lang"), "en");
  assert.deepEqual(complaints, []);
});

it("nothing sticks out of a phone of 320 px", async () => {
  const { url } = await startApp();
  for (const locale of ["en-GB", "tr-TR"]) {
    const { page } = await visit(url, { locale, viewport: { width: 320, height: 568 } });
    await say(page, `When were you born? ${"x".repeat(200)}`);
    await page.locator(".row.assistant:not(.greeting):not(.streaming)").waitFor();
    await page.click("#partners summary");
    await page.locator(".partner").first().waitFor();
    // What only a screen reader is given is clipped and has no place on the screen.
    const sticksOut =
      "[...document.querySelectorAll('body *:not(.unseen, .unseen *, #composer-hint)')].filter((e) => e.getBoundingClientRect().right > 320).map((e) => e.outerHTML.slice(0, 80))";
    assert.deepEqual(await page.evaluate(sticksOut), [], locale);
    assert.equal(await page.evaluate("document.documentElement.scrollWidth"), 320);
    assert.equal(await page.locator("#send").isVisible(), true);
  }
});

it("everything can be done by keyboard, and the focus is always to be seen", async () => {
  const model = new HeldModel();
  const { url } = await startApp({ model });
  const { page } = await visit(url);
  const focused = () => page.evaluate("document.activeElement.id");
  assert.equal(await focused(), "message");
  await page.keyboard.type("First line");
  await page.keyboard.press("Shift+Enter");
  await page.keyboard.type("second line");
  await page.keyboard.press("Enter");
  await model.say("It is the last of");
  await page.getByText("It is the last of").waitFor();
  assert.equal((await rows(page))[1], "First line\nsecond line");
  await page.keyboard.press("Escape");
  await page.locator(".row.assistant.stopped").waitFor();

  for (let presses = 0; (await focused()) !== "partner-persona-engineer"; presses += 1) {
    assert.ok(presses < 40, "the list is never reached by Shift+Tab");
    await page.keyboard.press("Shift+Tab");
    const outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle");
    assert.notEqual(outline, "none");
  }
  await page.keyboard.press("Enter");
  await page.locator("#partner-persona-engineer[aria-pressed=true]").waitFor();
  assert.equal(await focused(), "message");
});

it("a message that is too long is not sent, and the page says by how much", async () => {
  const { url } = await startApp();
  const { page, complaints } = await visit(url);
  await page.fill("#message", "x".repeat(2003));
  assert.equal(await page.locator("#send").isDisabled(), true);
  assert.equal(await page.locator("#composer-hint").textContent(), "3 characters too many");
  await page.press("#message", "Enter");
  assert.equal(await page.locator(".row.user").count(), 0);
  assert.deepEqual(complaints, []);
});
