// What the widget shows when something comes later than the rest: the lists of those who can be spoken to, the end of a
// run after the end of its reply.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Page, Route } from "playwright-core";
import { z } from "zod";
import { HeldModel } from "./held-model.ts";
import { untilHolds } from "./until-holds.ts";
import { finishedReplies, OPEN_BUBBLE, ready, say, useWidgets } from "./widget-fixture.ts";

const { startScene, visit } = useWidgets();

/** The lists are fetched whole and kept from the widget until `letGo`: from there on, nothing but its own steps. */
const HOLD_LISTS = `
  const plain = fetch;
  globalThis.held = 0;
  const { promise, resolve } = Promise.withResolvers();
  globalThis.letGo = resolve;
  globalThis.fetch = async (url, options) => {
    const response = await plain(url, options);
    if (!/\\/api\\/v1\\/(?:personas|objects)\\?/.test(url)) return response;
    const found = await response.json();
    held += 1;
    await promise;
    return { ok: true, json: async () => found };
  };
`;

/** The reader scrolls, and the lists come before the event that tells of it; where the reader is two frames later. */
const SCROLL_AND_LET_GO = `(async () => {
  const scroller = document.querySelector("persona-chat").shadowRoot.querySelector(".scroller");
  const frame = () => new Promise(requestAnimationFrame);
  await frame();
  scroller.scrollTop = 40;
  letGo();
  await frame();
  await frame();
  return scroller.scrollTop;
})()`;

/** Opens the picker before the list of people has come; returns what lets that be answered. */
async function openPickerEarly(page: Page, answer: (route: Route) => Promise<void>): Promise<() => void> {
  const { promise: goOn, resolve: letGo } = Promise.withResolvers<void>();
  await page.route(/\/api\/v1\/personas\?/, async (route) => {
    await goOn;
    await answer(route);
  });
  await page.locator(".launcher").click();
  await ready(page);
  await page.locator(".switcher").click();
  return letGo;
}

describe("lists that come late", () => {
  it("fill the picker that lies open, and leave the focus where it is", async () => {
    const { page, complaints } = await visit(await startScene(), "<persona-chat></persona-chat>");
    const letGo = await openPickerEarly(page, (route) => route.continue());
    await page.locator(".picker button:focus").waitFor();
    assert.equal(await page.locator(".partner").count(), 0);
    letGo();
    await page.locator(".partner[aria-pressed=true]").waitFor();
    assert.equal(await page.locator(".picker button:focus").getAttribute("aria-label"), "Close");
    await page.locator("[data-partner='object/analytical-engine']").click();
    await page.locator(".title .name", { hasText: "The Analytical Engine" }).waitFor();
    assert.deepEqual(complaints(), []);
  });

  it("and are refused say so in the picker that lies open", async () => {
    const { page } = await visit(await startScene(), "<persona-chat></persona-chat>");
    const refuse = await openPickerEarly(page, (route) => route.fulfill({ status: 503, body: "{}" }));
    await page.locator(".picker").waitFor();
    assert.equal(await page.locator(".picker .sheet-note").count(), 0);
    refuse();
    await page.locator(".picker .sheet-note").waitFor();
  });

  it("do not throw a reader back who has just scrolled up", async () => {
    const model = new HeldModel();
    const { page } = await visit(await startScene({ overrides: { model } }), OPEN_BUBBLE);
    await page.addInitScript(HOLD_LISTS);
    await page.reload();
    await ready(page);
    await say(page, "Tell me everything.");
    await model.say("A line of many.\n\n".repeat(100));
    model.finish();
    await finishedReplies(page).waitFor();
    await untilHolds(page, "held === 2");
    assert.equal(await page.locator(".title .about").innerText(), "");
    const top = z.number().parse(await page.evaluate(SCROLL_AND_LET_GO));
    assert.notEqual(await page.locator(".title .about").innerText(), "");
    assert.ok(Math.abs(top - 40) <= 2, `the reader is at ${top} px`);
  });
});

describe("a run that ends after its reply", () => {
  it("shows nobody at work under the finished reply, and nothing to stop", async () => {
    const model = new HeldModel();
    const { page } = await visit(await startScene({ overrides: { model } }), OPEN_BUBBLE);
    const held: (() => void)[] = [];
    await page.routeWebSocket(/\/chat\/ws/, (socket) => {
      socket.connectToServer().onMessage((text) => {
        if (text.includes('"RUN_FINISHED"')) held.push(() => socket.send(text));
        else socket.send(text);
      });
    });
    await page.reload();
    await ready(page);
    await say(page, "Tell me of Note G.");
    await page.locator(".row.thinking").waitFor();
    await page.locator(".stop").waitFor();
    await model.say("It is the last");
    await page.locator(".row.assistant.streaming").waitFor();
    assert.equal(await page.locator(".row.thinking").count(), 0);
    assert.equal(await page.locator(".stop").isVisible(), true);
    model.finish();
    await finishedReplies(page).waitFor();
    assert.equal(await page.locator(".row.thinking").count(), 0);
    assert.equal(await page.locator(".stop").isVisible(), false);
    for (const letGo of held.splice(0)) letGo();
    await say(page, "And of Note A?");
    await page.locator(".row.thinking").waitFor();
    assert.equal(await page.locator(".stop").isVisible(), true);
  });
});
