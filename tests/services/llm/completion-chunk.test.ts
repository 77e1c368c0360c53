// Reading chunks: what counts in one, and that the learnt frame never reads anything else than the whole parse does.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { ChunkReader, MalformedChunkError } from "#app/services/llm/completion-chunk.ts";
import { say } from "../../support/provider-chunks.ts";

const dataOf = (event: string) => event.slice("data: ".length, -2);
const content = (text: string) => dataOf(say.content(text));

/** As the stream's reader does: the frame first, else the whole. */
function contentOf(reader: ChunkReader, data: string): string {
  return reader.contentOf(data) ?? reader.read(data).content;
}

describe("a reader of chunks", () => {
  it("reads text, finish reason, usage, model and thinking aloud", () => {
    const reader = new ChunkReader();
    assert.deepEqual(reader.read(content("a")), { content: "a", reasons: false, model: "served-model" });
    assert.equal(reader.read(dataOf(say.finish("length"))).finishReason, "length");
    assert.deepEqual(reader.read(dataOf(say.usage(3, 4))).usage, { inputTokens: 3, outputTokens: 4 });
    assert.equal(reader.read(dataOf(say.chunk({ delta: { reasoning_content: "hm" } }))).reasons, true);
    assert.deepEqual(reader.read('{"error":{"code":1}}').error, { code: 1 });
  });

  it("takes what is missing or of another kind for nothing", () => {
    for (const data of [
      "{}",
      '{"choices":[]}',
      '{"choices":null,"error":null}',
      '{"choices":[null]}',
      '{"choices":[{"delta":null,"finish_reason":7}]}',
      '{"choices":[{"delta":{"content":["a"]}}]}',
      '{"choices":[{"index":1,"delta":{"content":"a"}}],"usage":{"prompt_tokens":"3"}}',
      '{"choices":[],"usage":{"prompt_tokens":-1,"completion_tokens":2}}',
    ]) {
      assert.deepEqual(new ChunkReader().read(data), { content: "", reasons: false }, data);
    }
  });

  it("refuses what is no chunk, without repeating it", () => {
    for (const data of ["", "{", "[]", "null", '"a"', "7", '{"choices":{}}', "secret"]) {
      assert.throws(
        () => new ChunkReader().read(data),
        (error) => error instanceof MalformedChunkError && !error.message.includes("secret"),
        data,
      );
    }
  });

  it("knows the frame after one chunk of text, and only for text", () => {
    const reader = new ChunkReader();
    assert.equal(reader.contentOf(content("a")), undefined);
    reader.read(content("a"));
    assert.equal(reader.contentOf(content("b")), "b");
    assert.equal(reader.contentOf(content('"\\\n😀')), '"\\\n😀');
    assert.equal(reader.contentOf(dataOf(say.STOP)), undefined);
    assert.equal(reader.contentOf(dataOf(say.usage(1, 1))), undefined);
    assert.equal(reader.contentOf("[DONE]"), undefined);
  });

  it("is not deceived by a chunk that keeps the frame and puts more than text inside", () => {
    const reader = new ChunkReader();
    const data = content("MARK");
    reader.read(data);
    const tricky = data.replace("MARK", 'a"},"finish_reason":"stop","x":{"content":"b');
    assert.equal(reader.contentOf(tricky), undefined);
    const overlapping = '{"choices":[{"delta":{"content":"';
    assert.equal(reader.contentOf(overlapping), undefined);
  });

  it("learns no frame in which the text stands twice, nor one that changes every time", () => {
    const twice = new ChunkReader();
    twice.read('{"x":{"content":"a"},"choices":[{"delta":{"content":"a"}}]}');
    assert.equal(twice.contentOf('{"x":{"content":"b"},"choices":[{"delta":{"content":"a"}}]}'), undefined);
    const padded = new ChunkReader();
    for (let chunks = 0; chunks < 40; chunks += 1) {
      const data = `{"choices":[{"delta":{"content":"t${chunks}"}}],"pad":"${"x".repeat(chunks)}"}`;
      assert.equal(contentOf(padded, data), `t${chunks}`);
    }
  });

  it("reads every sequence of texts as a whole parse would, whatever the frame", () => {
    const frames = fc.constantFrom<(text: string) => string>(
      content,
      (text) => JSON.stringify({ choices: [{ delta: { content: text } }], obfuscation: "x" }),
      (text) => JSON.stringify({ choices: [{ delta: { content: text } }] }, undefined, 1),
      (text) => `{"choices": [{"delta": {"content": ${JSON.stringify(text)}}, "index": 0}]}`,
    );
    const texts = fc.array(fc.string({ unit: "binary", maxLength: 20 }), { maxLength: 8 });
    fc.assert(
      fc.property(frames, texts, (frame, given) => {
        const reader = new ChunkReader();
        assert.deepEqual(
          given.map((text) => contentOf(reader, frame(text))),
          given,
        );
      }),
    );
  });
});
