// The numbered reply: what the bench takes for a whole one, and what it refuses.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { findScript, firstToken, laterToken, readReply, toQuestion } from "./reply-script.ts";

const script = { tokens: 300, tokensPerSecond: 50, firstTokenDelayMs: 20 };

describe("the script in a question", () => {
  test("is read back from the request's body", () => {
    assert.deepEqual(findScript(JSON.stringify({ content: toQuestion(script) })), script);
  });

  test("is the newest one where the prompt holds earlier questions", () => {
    const earlier = toQuestion({ ...script, tokens: 7 });
    assert.equal(findScript(JSON.stringify([earlier, "a reply", toQuestion(script)]))?.tokens, 300);
  });

  test("is undefined where nothing was asked of the upstream", () => {
    assert.equal(findScript('{"messages":[]}'), undefined);
    assert.equal(findScript('{"content":"[tokens=many pace=1 delay=0]"}'), undefined);
  });
});

describe("a reply", () => {
  const whole = [firstToken(1234.4), laterToken(1), laterToken(2), laterToken(3)];

  test("that is whole says what the upstream took for its first token", () => {
    assert.deepEqual(readReply(whole.join(""), 4), { ownMicroseconds: 1234 });
  });

  test("of one token is whole", () => {
    assert.deepEqual(readReply(firstToken(5), 1), { ownMicroseconds: 5 });
  });

  for (const [fault, tokens] of [
    ["lacks its last token", whole.slice(0, -1)],
    ["lacks one in the middle", whole.toSpliced(1, 1)],
    ["lacks its first token", whole.slice(1)],
    ["has a token twice", whole.toSpliced(1, 0, laterToken(1))],
    ["has two tokens in the wrong order", [firstToken(1), laterToken(2), laterToken(1), laterToken(3)]],
    ["goes on after its end", [...whole, laterToken(4)]],
    ["is empty", []],
  ] as const) {
    test(`that ${fault} is refused`, () => assert.equal(readReply(tokens.join(""), 4), undefined));
  }
});
