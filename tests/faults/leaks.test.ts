// The search for leaks finds each of them where it is planted, and nothing where all is well; and an instance that has
// written one fails the story that it belongs to.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { assemblePrompt } from "#app/services/chatbot/prompt.ts";
import { ownPair, Talk } from "../support/conversation.ts";
import { createSmallRegistry } from "../support/small-registry.ts";
import { openSocket } from "../support/socket-client.ts";
import { until } from "../support/until.ts";
import { Instance } from "./instance.ts";
import { LeakWatch, leakWatch, PROMPT_MARKS, PROVIDER_KEY } from "./leaks.ts";
import { questionOf, replyTo, startWordyProvider } from "./wordy-provider.ts";

const ORDER = { name: "planted", words: 3, paceMs: [0] };
const { stack = "" } = new Error("planted");
const PLANTED = {
  "the provider's key": PROVIDER_KEY,
  "an authorization": "authorization: Bearer abc",
  "the first line of the prompt": `…${PROMPT_MARKS[0]}\nYou are…`,
  "the persona's part of the prompt": `You are Ada: ${PROMPT_MARKS[1]}, mathematician`,
  "a stack": stack,
  "one line of a stack": "cause: at async Session.handle (/srv/parley/app/main.ts:12:34)",
};
const PLAIN = [
  "You are at /api/v1/chat, it is 12:34:56",
  "Meet me at the corner, or look at file:// addresses",
  "the bearer of this letter",
  "tell me of the Countess of Lovelace",
];

function frame(text: string): string {
  return JSON.stringify({ type: "TEXT_MESSAGE_CONTENT", delta: text, seq: 1 });
}

describe("the search for leaks", () => {
  for (const [what, text] of Object.entries(PLANTED))
    it(`finds ${what}, in a frame and in a line of the log`, () => {
      const watch = new LeakWatch();
      assert.throws(() => watch.assertFrame(frame(text), "c"), /has got out/);
      assert.throws(() => watch.assertLine(JSON.stringify({ event: "x", err: { text } })), /has got out/);
      assert.throws(() => watch.assertLine(text), /has got out/);
    });

  it("lets an error's stack stand in its field of a log, and nothing else stand in that", () => {
    const watch = new LeakWatch();
    const lineOf = (field: string, text: string): string =>
      JSON.stringify({ event: "x", err: { type: "Error", [field]: text, code: 'a "b" \\' } });
    watch.assertLine(lineOf("stack", stack));
    assert.throws(() => watch.assertLine(lineOf("message", stack)), /a stack/);
    assert.throws(() => watch.assertFrame(lineOf("stack", stack), "c"), /a stack/);
    assert.throws(() => watch.assertLine(lineOf("stack", `${stack} ${PROVIDER_KEY}`)), /a key/);
  });

  it("finds what was said, asked or answered, in a log; in a frame it is at home", () => {
    const watch = new LeakWatch();
    for (const text of [questionOf(ORDER), replyTo(ORDER)]) {
      assert.throws(() => watch.assertLine(JSON.stringify({ event: "x", said: text })), /what was said/);
      watch.assertFrame(frame(text), "c");
    }
  });

  it("finds a token in a frame of another conversation, and in a log any token", () => {
    const watch = new LeakWatch();
    const [own, other] = [ownPair(), ownPair()];
    for (const pair of [own, other]) watch.guard(pair);
    const joined = JSON.stringify({ name: "joined", value: { ...own } });
    watch.assertFrame(joined, own.conversationId);
    assert.throws(() => watch.assertFrame(joined, other.conversationId), /another's token/);
    for (const line of [joined, `{"url":"/x?resumeToken=${own.resumeToken}&y=1"}`])
      assert.throws(() => watch.assertLine(line), /a resume token/);
    watch.assertLine(JSON.stringify({ event: "x", conversationId: own.conversationId }));
  });

  it("finds nothing in plain words", () => {
    const watch = new LeakWatch();
    for (const text of PLAIN) {
      watch.assertFrame(frame(text), "c");
      watch.assertLine(text);
    }
  });

  it("looks for words that a prompt has", async () => {
    const persona = createSmallRegistry().main();
    const [head] = assemblePrompt({
      ...{ persona, constant: [], found: [], language: "en", text: "Hello", budgetTokens: 4_000 },
      history: { messages: [], olderCount: 0 },
    });
    assert.ok(head?.content.startsWith(PROMPT_MARKS[0]));
    const written = await readFile(join(import.meta.dirname, "../../data/persona.md"), "utf8");
    assert.ok(written.includes(`You are {{char}}: ${PROMPT_MARKS[1]}`));
  });

  it("fails a story whose server has written one, when that is let go of", async () => {
    await using provider = await startWordyProvider();
    const instance = await Instance.start({ OPENAI_BASE_URL: provider.url });
    const pair = ownPair();
    const talk = new Talk(await openSocket(instance.socketUrl));
    await talk.join({ ...pair, create: true });
    // Its id is in the log by right: for this once it is a token, too.
    leakWatch.guard({ conversationId: "elsewhere", resumeToken: pair.conversationId });
    await talk.ask(questionOf(ORDER));
    await until("the line", () => instance.logged("run_finished").length > 0);
    talk.client.terminate();
    await assert.rejects(instance[Symbol.asyncDispose](), /a resume token/);
    assert.equal(instance.isAlive, false);
  });
});
