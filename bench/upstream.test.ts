// The upstream as a process: what it says to whoever speaks the API.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Child } from "./child.ts";
import { type ReplyScript, readReply, toQuestion } from "./reply-script.ts";
import { startUpstream } from "./servers.ts";

let upstream: { readonly child: Child; readonly baseUrl: string };

before(async () => {
  upstream = await startUpstream();
});
after(() => upstream.child.stop());

async function ask(script: ReplyScript): Promise<{ text: string; data: string[] }> {
  const body = JSON.stringify({ messages: [{ role: "user", content: toQuestion(script) }] });
  const response = await fetch(`${upstream.baseUrl}/chat/completions`, { method: "POST", body });
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  const events = (await response.text()).trim().split("\n\n");
  const data = events.map((event) => event.replace(/^data: /, ""));
  const texts = data.slice(0, -3).map((each): string => JSON.parse(each).choices[0].delta.content);
  return { text: texts.join(""), data };
}

describe("the upstream", () => {
  for (const tokensPerSecond of [0, 1_000]) {
    test(`says every token once, in order, at pace ${tokensPerSecond}`, async () => {
      const { text } = await ask({ tokens: 45, tokensPerSecond, firstTokenDelayMs: 0 });
      assert.notEqual(readReply(text, 45), undefined);
    });
  }

  test("ends with a finish reason, the usage and [DONE]", async () => {
    const { data } = await ask({ tokens: 3, tokensPerSecond: 0, firstTokenDelayMs: 0 });
    const [finish = "", usage = "", done] = data.slice(-3);
    assert.equal(JSON.parse(finish).choices[0].finish_reason, "stop");
    assert.equal(JSON.parse(usage).usage.completion_tokens, 3);
    assert.equal(done, "[DONE]");
  });

  test("keeps the pace: the last of 21 tokens at 100 a second comes after 200 ms, and not before", async () => {
    const startedAt = performance.now();
    await ask({ tokens: 21, tokensPerSecond: 100, firstTokenDelayMs: 0 });
    assert.ok(performance.now() - startedAt >= 200);
  });

  test("counts its own delay into the first token", async () => {
    const { text } = await ask({ tokens: 1, tokensPerSecond: 0, firstTokenDelayMs: 30 });
    const own = readReply(text, 1)?.ownMicroseconds ?? 0;
    assert.ok(own >= 29_000, `${own} µs`);
  });

  test("refuses what is no scripted question", async () => {
    const url = `${upstream.baseUrl}/chat/completions`;
    assert.equal((await fetch(url, { method: "POST", body: "{}" })).status, 400);
    assert.equal((await fetch(`${upstream.baseUrl}/models`)).status, 404);
  });
});
