// What the widget comes through: a reload in mid-reply, a second tab, a network that is cut, a server that restarts,
// a history of 2,000 messages.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Page } from "playwright-core";
import { type ChatClient, createChatClient } from "#app/web/client.ts";
import { createScriptedModel } from "../support/scripted-model.ts";
import { createSmallRegistry } from "../support/small-registry.ts";
import { until } from "../support/until.ts";
import { HeldModel } from "./held-model.ts";
import { settled } from "./settled.ts";
import { finishedReplies, OPEN_BUBBLE, ready, rows, type Scene, say, useWidgets } from "./widget-fixture.ts";

const { startScene, visit } = useWidgets();

/** A switch for the page's network; what one session has cut, no other can mend. */
async function networkOf(page: Page): Promise<(offline: boolean) => Promise<void>> {
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  const rest = { latency: 0, downloadThroughput: -1, uploadThroughput: -1 };
  return async (offline) => {
    await session.send("Network.emulateNetworkConditions", { offline, ...rest });
  };
}

describe("a reply that is under way", () => {
  it("is continued after a reload without loss and without doubling, with the draft and what waits in line", async () => {
    const model = new HeldModel();
    const { page, complaints } = await visit(await startScene({ overrides: { model } }), OPEN_BUBBLE);
    await ready(page);
    await say(page, "Tell me of Note G.");
    await model.say("One, ");
    await page.getByText("One,").waitFor();
    await say(page, "And of Note A?");
    await page.locator(".row.user.waiting").waitFor();
    await page.locator(".composer textarea").fill("A draft");
    await model.say("two, ");
    await page.reload();
    await model.say("three.");
    await page.getByText("One, two, three.").first().waitFor();
    await page.locator(".row.user.waiting").waitFor();
    model.finish();
    await finishedReplies(page).first().waitFor();
    await model.say("Answered.");
    model.finish();
    await finishedReplies(page).nth(1).waitFor();
    const shown = ["Tell me of Note G.", "One, two, three.", "And of Note A?", "Answered."];
    assert.deepEqual((await rows(page)).slice(1), shown);
    assert.equal(await page.locator(".composer textarea").inputValue(), "A draft");
    assert.deepEqual(complaints(), []);
  });

  it("reaches a second tab of the same browser, which sees that somebody writes", async () => {
    const model = new HeldModel();
    const scene = await startScene({ overrides: { model } });
    const { page } = await visit(scene, OPEN_BUBBLE);
    await ready(page);
    await say(page, "Tell me of Note G.");
    await model.say("For both.");
    const second = await page.context().newPage();
    await second.goto(page.url());
    await second.getByText("For both.").first().waitFor();
    model.finish();
    await finishedReplies(second).waitFor();
    await finishedReplies(page).waitFor();
    assert.deepEqual(await rows(second), await rows(page));
    await second.locator(".composer textarea").pressSequentially("And");
    await page.locator(".row.typing").waitFor();
    await second.locator(".composer textarea").fill("");
    await page.locator(".row.typing").waitFor({ state: "detached" });
  });

  it("arrives whole when the network comes back, and so does what was written meanwhile", async () => {
    const model = new HeldModel();
    const scene = await startScene({ overrides: { model } });
    const { page } = await visit(scene, OPEN_BUBBLE);
    await ready(page);
    await say(page, "Tell me of Note G.");
    await model.say("Before, ");
    await page.getByText("Before,").waitFor();
    const setOffline = await networkOf(page);
    await setOffline(true);
    // Offline refuses what is new; the socket that is open dies of the line.
    scene.cut();
    await page.locator(".notice").waitFor();
    assert.match(await page.locator(".notice").innerText(), /Connection lost|Reconnecting/);
    await say(page, "And of Note A?");
    await page.locator(".row.user.unsent .notes").waitFor();
    await model.say("after.");
    await setOffline(false);
    await page.evaluate("dispatchEvent(new Event('online'))");
    await page.getByText("Before, after.").first().waitFor();
    await page.locator(".row.user.waiting").waitFor();
    await page.locator(".notice").waitFor({ state: "hidden" });
    model.finish();
    await model.say("Answered.");
    model.finish();
    await finishedReplies(page).nth(1).waitFor();
    assert.deepEqual((await rows(page)).slice(1), [
      "Tell me of Note G.",
      "Before, after.",
      "And of Note A?",
      "Answered.",
    ]);
  });
});

it("a server that restarts with its memory lost is come back to; what was not sent is said in a new conversation", async () => {
  const scene = await startScene();
  const { page } = await visit(scene, OPEN_BUBBLE);
  await ready(page);
  await say(page, "When were you born?");
  await finishedReplies(page).waitFor();
  await scene.app.close(0);
  await page.locator(".notice").waitFor();
  assert.match(await page.locator(".notice").innerText(), /Reconnecting/);
  await say(page, "Who were your parents?");
  assert.match(await page.locator(".row.user.unsent .notes").innerText(), /Not sent yet/);
  await scene.restart();
  await page
    .locator(".try-now")
    .click({ timeout: 3_000 })
    .catch(() => page.evaluate("dispatchEvent(new Event('online'))"));
  await page.locator(".row.mark").waitFor();
  assert.match(await page.locator(".row.mark").innerText(), /A new one begins here/);
  await page.locator(".row.assistant.done:not(.past):not(.greeting)").waitFor();
  assert.equal(await page.locator(".row.past").count(), 2);
  assert.equal(await page.locator(".row.user:not(.past) .body").innerText(), "Who were your parents?");
});

describe("a history of 2,000 messages", () => {
  it("comes page by page on the way up, without a jump, and the way back is one press", {
    timeout: 120_000,
  }, async (t) => {
    const model = createScriptedModel();
    const scene = await startScene({
      overrides: { model, registry: createSmallRegistry() },
      env: {
        MESSAGES_PER_MINUTE: "100000",
        MESSAGES_PER_MINUTE_PER_CONNECTION: "100000",
        RUNS_AT_ONCE_PER_VISITOR: "1000",
      },
    });
    const stored = await fillConversation(scene, 1_000);
    const { page } = await visit(scene, "<persona-chat></persona-chat>");
    await page.evaluate(`for (const [key, value] of ${JSON.stringify([...stored])})
      localStorage.setItem("parley:${scene.host}:-:" + key, value)`);
    await page.locator(".launcher").click();
    await page.getByText("Question 1000", { exact: true }).waitFor();
    // The chat rises to its place when it is opened, and with it every line.
    await settled(page);
    // The words about who speaks move everything below them.
    await page.locator(".title .about:not(:empty)").waitFor();
    const count = () => page.locator(".rows .row").count();
    const first = await count();
    const moved = await page.evaluate(SCROLL_UP);
    assert.ok((await count()) > first, `${await count()} rows`);
    assert.ok(Number(moved) <= 2, `the line under the reader's eyes moved by ${String(moved)} px`);
    const startedMs = performance.now();
    while ((await page.locator(".older").isVisible()) && performance.now() - startedMs < 60_000) {
      await page.evaluate(SCROLL_UP);
    }
    assert.ok((await count()) >= 2_000, `${await count()} rows`);
    assert.equal(await page.getByText("Question 1", { exact: true }).count(), 1);
    t.diagnostic(`1,900 older messages fetched and drawn in ${Math.round(performance.now() - startedMs)} ms`);
    await page.locator(".pill").click();
    await page.getByText("Question 1000", { exact: true }).waitFor();
    assert.equal(await page.locator(".pill").isVisible(), false);
    const drawMs = await page.evaluate(TIME_A_DRAW);
    t.diagnostic(`one more message in 2,000: ${String(drawMs)} ms to the next frame`);
  });
});

/** Goes to the top, waits until older lines stand above, and says how far the line that was on top has moved. */
const SCROLL_UP = `(async () => {
  const root = document.querySelector("persona-chat").shadowRoot;
  const scroller = root.querySelector(".scroller");
  const list = root.querySelector(".rows");
  const frame = () => new Promise(requestAnimationFrame);
  scroller.scrollTop = scroller.scrollTop > 150 ? 150 : 100;
  await frame();
  const { top } = scroller.getBoundingClientRect();
  const line = [...list.children].find((row) => row.getBoundingClientRect().bottom > top);
  const before = line.getBoundingClientRect().top;
  const count = list.childElementCount;
  for (let frames = 0; list.childElementCount === count && frames < 300; frames += 1) await frame();
  await frame();
  await frame();
  return Math.abs(line.getBoundingClientRect().top - before);
})()`;

const TIME_A_DRAW = `(async () => {
  const chat = document.querySelector("persona-chat");
  const startedMs = performance.now();
  chat.send("One more");
  await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
  return Math.round(performance.now() - startedMs);
})()`;

/** Says so many things in a new conversation, from outside the browser; what a browser would keep of it. */
async function fillConversation({ host }: Scene, messages: number): Promise<Map<string, string>> {
  const stored = new Map<string, string>();
  const storage = {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => void stored.set(key, value),
  };
  const client: ChatClient = createChatClient({ host, storage });
  for (let number = 1; number <= messages; number += 1) client.send(`Question ${number}`);
  const isDone = ({ messages: said, waiting, unsent, run }: ChatClient["state"]) =>
    said.length >= messages * 2 && waiting.length + unsent.length === 0 && !run;
  await until("the whole conversation", () => isDone(client.state), 90_000);
  client.close();
  return stored;
}
