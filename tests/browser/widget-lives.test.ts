// What outlives what in the widget: a reply its server, an erasure the reply that it cuts off in another tab, a reload
// where WebSockets are blocked; and whether what leaves the widget, a remark or a copy, really arrives.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { Page } from "playwright-core";
import { z } from "zod";
import { RedisServer } from "../support/redis-server.ts";
import { until } from "../support/until.ts";
import { HeldModel } from "./held-model.ts";
import {
  finishedReplies,
  OPEN_BUBBLE,
  ready,
  replies,
  rows,
  type Scene,
  say,
  useWidgets,
} from "./widget-fixture.ts";

const { startScene, visit } = useWidgets();

/** A drained client comes back within 5 s, and a run is taken over within 15 s; the rest is for a busy machine. */
const COME_BACK_MS = 40_000;
const ANSWER_MS = 15_000;
const POLL_MS = 20;
const CLIPBOARD = ["clipboard-read", "clipboard-write"];

describe("a server that is restarted in mid-reply", () => {
  it("answers the one question anew and whole, and what was broken off leaves by itself", {
    timeout: 90_000,
  }, async (t) => {
    const redis = await RedisServer.start();
    // After the apps, which the fixture closes first.
    t.after(() => redis[Symbol.asyncDispose]());
    const former = new HeldModel();
    const scene = await startScene({ overrides: { model: former }, env: { REDIS_URL: redis.url } });
    const { page } = await visit(scene, OPEN_BUBBLE);
    await ready(page);
    await say(page, "Tell me of Note G.");
    await former.say("One, ");
    await replies(page).getByText("One,").waitFor();

    await scene.app.close(0);
    assert.equal(former.isAsked, false);
    await page.locator(".notice").waitFor();
    const model = new HeldModel();
    await scene.restart({ model });
    await until("the question to the new server's model", () => model.isAsked, COME_BACK_MS);
    await model.say("One, ");
    await model.say("two, ");
    await replies(page).getByText("One, two,").waitFor({ timeout: COME_BACK_MS });
    const soFar = (await rows(page)).slice(1).map((text) => text.trim());
    assert.deepEqual(soFar, ["Tell me of Note G.", "One, two,"]);
    await model.say("three.");
    model.finish();
    await finishedReplies(page).waitFor();
    const whole = ["Tell me of Note G.", "One, two, three."];
    assert.deepEqual((await rows(page)).slice(1), whole);
    assert.equal(await page.locator(".row:is(.interrupted, .troubled, .unsent, .past, .mark)").count(), 0);
    await page.locator(".notice").waitFor({ state: "hidden" });

    await page.reload();
    await finishedReplies(page).waitFor();
    assert.deepEqual((await rows(page)).slice(1), whole);
  });
});

describe("an erasure while a reply streams to two tabs", () => {
  it("empties both, says so in the other one, and lets the model go", async () => {
    const model = new HeldModel();
    const { page, complaints } = await visit(await startScene({ overrides: { model } }), OPEN_BUBBLE);
    await ready(page);
    await say(page, "Tell me of Note G.");
    await model.say("It is the last of");
    const second = await page.context().newPage();
    await second.goto(page.url());
    for (const tab of [page, second]) await replies(tab).getByText("It is the last of").waitFor();

    await page.locator(".menu-button").click();
    await page.locator(".menu .erase").click();
    await page.locator(".erase-now").click();
    await until("the model's end", () => !model.isAsked);
    await second.locator(".row.mark").waitFor();
    assert.match(await second.locator(".row.mark").innerText(), /The conversation was erased/);
    await page.locator(".chip").first().waitFor();
    for (const tab of [page, second]) {
      assert.equal(await tab.locator(".row.user").count(), 0);
      assert.equal(await replies(tab).count(), 0);
      assert.equal(await tab.locator(".stop").isVisible(), false);
    }
    assert.deepEqual(complaints(), []);

    await say(second, "And of Note A?");
    await model.say("It compares.");
    model.finish();
    await finishedReplies(second).waitFor();
    const shown = [await second.locator(".row.user .body").innerText(), await replyText(second)];
    assert.deepEqual(shown, ["And of Note A?", "It compares."]);
  });
});

describe("a reload in mid-reply where WebSockets are blocked", () => {
  it("goes on from the event stream without loss and without doubling, and so does the next message", async () => {
    const model = new HeldModel();
    const { page } = await visit(
      await startScene({ overrides: { model }, blocksSockets: true }),
      OPEN_BUBBLE,
    );
    const asked = listenForRequests(page);
    await ready(page);
    await say(page, "Tell me of Note G.");
    await model.say("One, ");
    await replies(page).getByText("One,").waitFor();
    assert.deepEqual(new Set(asked), new Set(["POST commands", "GET events"]));

    await model.say("two, ");
    asked.length = 0;
    await page.reload();
    await replies(page).getByText("One, two,").waitFor();
    assert.ok(asked.includes("GET events"), asked.join(", "));
    asked.length = 0;
    await model.say("three.");
    model.finish();
    await finishedReplies(page).waitFor();
    assert.deepEqual((await rows(page)).slice(1), ["Tell me of Note G.", "One, two, three."]);

    await say(page, "And of Note A?");
    await model.say("It compares.");
    model.finish();
    await finishedReplies(page).nth(1).waitFor();
    const shown = ["Tell me of Note G.", "One, two, three.", "And of Note A?", "It compares."];
    assert.deepEqual((await rows(page)).slice(1), shown);
    // The stream that the reload opened has brought all of it.
    assert.deepEqual(new Set(asked), new Set(["POST commands"]));
  });
});

describe("a judgement", () => {
  it("reaches the server with the remark that came with it", async () => {
    const scene = await startScene();
    const { page } = await visit(scene, OPEN_BUBBLE);
    await ready(page);
    await say(page, "When were you born?");
    await finishedReplies(page).waitFor();
    await page.locator(".rate-down").click();
    await storedFeedback(scene, page, ({ comment }) => comment === undefined);
    await page.locator(".feedback-form textarea").fill("The year is missing.");
    await page.locator(".feedback-form textarea").press("Enter");
    const feedback = await storedFeedback(scene, page, ({ comment }) => comment !== undefined);
    assert.deepEqual(feedback, { rating: "down", comment: "The year is missing." });
  });
});

describe("what is copied from a reply", () => {
  const CODE = 'if (a < b) {\n\n\tgo("<b>&amp;");\n}';
  const REPLY = `It is **this**:\n\n\`\`\`js\n${CODE}\n\`\`\`\n\nNo more.`;

  it("is exactly the code at its block, and the whole reply as it was written below it", async () => {
    const model = new HeldModel();
    const scene = await startScene({ overrides: { model } });
    const { page, complaints } = await visit(scene, OPEN_BUBBLE, { permissions: CLIPBOARD });
    await ready(page);
    await say(page, "Show me.");
    for (const piece of REPLY.match(/[\s\S]{1,9}/g) ?? []) await model.say(piece);
    model.finish();
    await finishedReplies(page).waitFor();
    const clipboard = () => page.evaluate("navigator.clipboard.readText()");

    await replies(page).locator(".copy-code").click();
    await replies(page).getByRole("button", { name: "Copied" }).waitFor();
    assert.equal(await clipboard(), CODE);
    await replies(page).locator(".copy-reply").click();
    const copied = await eventually("another text on the clipboard", async () => {
      const text = await clipboard();
      return text === CODE ? undefined : text;
    });
    assert.equal(copied, REPLY);
    assert.deepEqual(complaints(), []);
  });
});

function replyText(page: Page): Promise<string> {
  return replies(page).locator(".body").innerText();
}

/** What the page asks of its conversation from now on: the method and the last part of the path. */
function listenForRequests(page: Page): string[] {
  const asked: string[] = [];
  page.on("request", (request) => {
    const [, part] = /\/conversations\/[^/]+\/(events|commands)$/.exec(new URL(request.url()).pathname) ?? [];
    // The browser's own question whether another origin may ask is none of the widget's.
    if (part !== undefined && request.method() !== "OPTIONS") asked.push(`${request.method()} ${part}`);
  });
  return asked;
}

const feedbackSchema = z.object({ rating: z.enum(["up", "down"]), comment: z.string().optional() });
const exportSchema = z.object({
  messages: z.array(z.object({ metadata: z.object({ feedback: feedbackSchema.optional() }).optional() })),
});
const recordSchema = z.object({ conversationId: z.string(), resumeToken: z.string() });

type Feedback = z.output<typeof feedbackSchema>;

/** The judgement as the server has it, read with what the browser keeps; waits until it is the one that is meant. */
async function storedFeedback(
  { host }: Scene,
  page: Page,
  isMeant: (feedback: Feedback) => boolean,
): Promise<Feedback> {
  const record = await page.evaluate(
    `Object.entries(localStorage).find(([key]) => key.endsWith(":parley.conversation.v1"))[1]`,
  );
  const { conversationId, resumeToken } = recordSchema.parse(JSON.parse(String(record)));
  const address = `${host}/api/v1/conversations/${conversationId}`;
  return eventually("the judgement at the server", async () => {
    const response = await fetch(address, { headers: { "x-resume-token": resumeToken } });
    assert.equal(response.status, 200);
    const { messages } = exportSchema.parse(await response.json());
    return messages.flatMap(({ metadata }) => metadata?.feedback ?? []).find(isMeant);
  });
}

/** Asks until there is an answer; one question at a time. */
async function eventually<Value>(what: string, ask: () => Promise<Value | undefined>): Promise<Value> {
  const deadline = performance.now() + ANSWER_MS;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > deadline) throw new Error(`${what}: not within ${ANSWER_MS} ms`);
    await pause(POLL_MS);
  }
}
