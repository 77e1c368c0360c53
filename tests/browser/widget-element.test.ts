// `<persona-chat>` as an element of somebody else's page: what it costs, its attributes, methods and events, its life
// in the document, and an origin that the server does not let in.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Page } from "playwright-core";
import { until } from "../support/until.ts";
import { HeldModel } from "./held-model.ts";
import { finishedReplies, OPEN_BUBBLE, ready, replies, rows, say, useWidgets } from "./widget-fixture.ts";

const { startScene, visit } = useWidgets();

/** Writes down the widget's events on the page, as their type and detail. */
async function listen(
  page: Page,
): Promise<() => Promise<{ type: string; detail: Record<string, unknown> }[]>> {
  await page.evaluate(`
    window.heard = [];
    for (const type of ["open", "close", "message", "reply", "error"]) {
      document.addEventListener(type, ({ type, detail }) => heard.push({ type, detail }));
    }`);
  return () => page.evaluate("heard");
}

describe("an element on a page", () => {
  it("costs one script and nothing else until it is opened", async () => {
    const scene = await startScene();
    const { page, complaints } = await visit(scene, "<persona-chat></persona-chat>");
    const requests: string[] = [];
    page.on("request", (request) => requests.push(request.url()));
    page.on("websocket", (socket) => requests.push(socket.url()));
    await page.locator(".launcher").waitFor();
    await page.reload();
    await page.locator(".launcher").waitFor();
    assert.deepEqual(
      requests.filter((url) => url.startsWith(scene.host)),
      [`${scene.host}/widget.js`],
    );
    assert.equal(await page.locator("persona-chat .frame > *").count(), 0);
    await page.locator(".launcher").click();
    await ready(page);
    assert.ok(requests.includes(`${scene.host.replace("http", "ws")}/api/v1/chat/ws`));
    assert.deepEqual(complaints(), []);
  });

  it("tells the page that it is opened and closed, what is said and what is answered", async () => {
    const { page } = await visit(await startScene(), "<persona-chat></persona-chat>");
    const heard = await listen(page);
    await page.locator(".launcher").click();
    await ready(page);
    await say(page, "When were you born?");
    await finishedReplies(page).waitFor();
    await page.locator(".header .close").click();
    const events = await heard();
    assert.deepEqual(
      events.map(({ type }) => type),
      ["open", "message", "reply", "close"],
    );
    assert.equal(events[1]?.detail.text, "When were you born?");
    assert.match(String(events[2]?.detail.text), /1815/);
    assert.equal(events[2]?.detail.source, "offline");
    assert.equal(await page.locator("persona-chat[open]").count(), 0);
  });

  it("obeys open(), send(), choose() and close(), and says an answer that came while it was closed", async () => {
    const model = new HeldModel();
    const { page } = await visit(
      await startScene({ overrides: { model } }),
      `<persona-chat heading="Ada"></persona-chat>`,
    );
    const call = (code: string) => page.evaluate(`document.querySelector("persona-chat").${code}`);
    const heard = await listen(page);
    assert.match(String(await call('send("Tell me of Note G.")')), /^[\w-]{22}$/);
    await model.say("It is the last.");
    model.finish();
    await page.locator(".launcher.unread").waitFor();
    const name = await page.locator(".launcher").getAttribute("aria-label");
    assert.equal(name, "Talk to Ada (a new reply)");
    assert.equal(await call("isOpen"), false);
    await call("open()");
    await finishedReplies(page).waitFor();
    assert.equal(await call("isOpen"), true);
    assert.equal(await page.locator(".launcher.unread").count(), 0);
    await call('choose("engineer")');
    await page.locator(".row.mark").waitFor();
    assert.match(await page.locator(".row.mark").innerText(), /engineer/);
    await call('choose({ kind: "object", id: "note-g" })');
    await page.locator(".row.mark").nth(1).waitFor();
    await call("close()");
    await page.locator(".frame").waitFor({ state: "hidden" });
    assert.deepEqual(
      (await heard()).map(({ type }) => type),
      ["message", "reply", "open", "close"],
    );
    assert.equal(await call('send("  ")'), undefined);
  });

  it("begins with the persona, the words and the language that its attributes name", async () => {
    const { page } = await visit(
      await startScene(),
      `<persona-chat mode="full" persona="engineer" locale="tr" heading="Söyleşi odası"
         greeting="Buyurun." theme="dark"></persona-chat>`,
    );
    await ready(page);
    assert.equal(await page.locator(".title .name").innerText(), "Söyleşi odası");
    assert.equal(await page.locator(".greeting .body").innerText(), "Buyurun.");
    assert.match(await page.locator(".title .about").innerText(), /mühendis|engineer/i);
    assert.equal(await page.locator(".send").getAttribute("aria-label"), "Gönder");
    assert.equal(await page.locator(".parley").getAttribute("data-theme"), "dark");
    assert.equal(await page.locator(".launcher").isVisible(), false);
    assert.equal(await page.locator(".header .close").count(), 0);

    await page.evaluate(
      `Object.assign(document.querySelector("persona-chat"), { locale: "en", theme: "light" })`,
    );
    assert.equal(await page.locator(".send").getAttribute("aria-label"), "Send");
    assert.equal(await page.locator(".parley").getAttribute("data-theme"), "light");
    await page.evaluate(`document.querySelector("persona-chat").object = "note-g"`);
    await page.evaluate(`document.querySelector("persona-chat").persona = null`);
    await page.locator(".title .about", { hasText: "Note G" }).waitFor();
  });

  it("speaks the page's language, also when that changes", async () => {
    const { page } = await visit(await startScene(), OPEN_BUBBLE, { locale: "tr-TR" });
    await ready(page);
    assert.equal(await page.locator(".send").getAttribute("aria-label"), "Send");
    await page.evaluate(`document.documentElement.lang = "tr"`);
    await page.locator(".send[aria-label=Gönder]").waitFor();
    await page.getByText("İyi günler").waitFor();
  });

  it("takes over properties that were set before its script arrived", async () => {
    const { page } = await visit(await startScene(), "<persona-chat></persona-chat>");
    await page.addInitScript(`
      new MutationObserver((_, observer) => {
        const chat = document.querySelector("persona-chat");
        if (!chat) return;
        observer.disconnect();
        chat.heading = "Set early";
        window.wasEarly = !("isOpen" in chat);
      }).observe(document, { childList: true, subtree: true });`);
    await page.reload();
    await page.locator(".launcher").waitFor();
    assert.equal(await page.evaluate("wasEarly"), true);
    assert.equal(await page.locator("persona-chat").getAttribute("heading"), "Set early");
    assert.equal(await page.locator(".launcher").getAttribute("aria-label"), "Talk to Set early");
  });

  it("keeps its conversation and its connection when it is moved, and ends them when it is removed", async () => {
    const { page } = await visit(
      await startScene(),
      `<persona-chat></persona-chat><div id="elsewhere"></div>`,
    );
    const sockets: { closed: boolean }[] = [];
    page.on("websocket", (socket) => {
      const entry = { closed: false };
      sockets.push(entry);
      socket.on("close", () => {
        entry.closed = true;
      });
    });
    await page.locator(".launcher").click();
    await ready(page);
    await say(page, "When were you born?");
    await finishedReplies(page).waitFor();
    await page.evaluate(`elsewhere.append(document.querySelector("persona-chat"))`);
    await say(page, "Who were your parents?");
    await finishedReplies(page).nth(1).waitFor();
    assert.deepEqual(sockets, [{ closed: false }]);
    await page.evaluate(`window.gone = document.querySelector("persona-chat"); gone.remove()`);
    await until("the connection's end", () => sockets[0]?.closed === true);
    await page.evaluate("document.body.append(gone)");
    await finishedReplies(page).nth(1).waitFor();
    assert.equal((await rows(page)).length, 5);
  });

  it("shares nothing with another one on the page, and each finds its own conversation after a reload", async () => {
    const two = `<persona-chat mode="full"></persona-chat>`.repeat(2);
    const { page, complaints } = await visit(await startScene(), two);
    const [first, second] = [page.locator("persona-chat").first(), page.locator("persona-chat").nth(1)];
    await first.locator(".row.greeting").waitFor();
    await second.locator(".row.greeting").waitFor();
    await first.locator(".composer textarea").fill("When were you born?");
    await first.locator(".composer textarea").press("Enter");
    await first.locator(".row.assistant.done:not(.greeting)").waitFor();
    assert.equal(await second.locator(".row").count(), 1);
    await page.reload();
    await first.locator(".row.assistant.done:not(.greeting)").waitFor();
    await second.locator(".row.greeting").waitFor();
    assert.equal(await second.locator(".row").count(), 1);
    assert.deepEqual(complaints(), []);
  });

  it("is as open after a reload as the visitor left it", async () => {
    const { page } = await visit(await startScene(), "<persona-chat></persona-chat>");
    await page.locator(".launcher").click();
    await ready(page);
    await page.reload();
    await ready(page);
    await page.locator(".header .close").click();
    await page.reload();
    await page.locator(".launcher").waitFor();
    assert.equal(await page.locator(".frame").isVisible(), false);
  });

  it("takes its colours from the page's custom properties", async () => {
    const { page } = await visit(await startScene(), OPEN_BUBBLE);
    await ready(page);
    const colour = () =>
      page.evaluate(`
      getComputedStyle(document.querySelector("persona-chat").shadowRoot.querySelector(".launcher")).backgroundColor`);
    await page.evaluate(
      `document.querySelector("persona-chat").style.setProperty("--parley-accent", "rgb(1, 2, 3)")`,
    );
    await page.emulateMedia({ reducedMotion: "reduce" });
    assert.equal(await colour(), "rgb(1, 2, 3)");
  });
});

describe("a page whose origin the server does not let in", () => {
  it("is told so in plain words, by an event and by no end of attempts", async () => {
    const scene = await startScene({ isAllowed: false });
    const { page } = await visit(scene, "<persona-chat></persona-chat>");
    const heard = await listen(page);
    await page.locator(".launcher").click();
    await page.locator(".notice", { hasText: "may not use this chat" }).waitFor();
    assert.match(await page.locator(".notice").innerText(), new RegExp(scene.embedding));
    const codes = (await heard()).filter(({ type }) => type === "error").map(({ detail }) => detail.code);
    assert.ok(codes.includes("origin_not_allowed"), String(codes));
    assert.equal(await replies(page).count(), 0);
  });
});
