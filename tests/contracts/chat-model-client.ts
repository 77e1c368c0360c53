// The contract of ChatModelClient: one suite that every provider passes, the offline one included.
// A harness makes a client whose next reply is the text it is given, slowly enough to be stopped in its midst.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import type { ChatModelClient, ChatModelRequest } from "#app/services/llm/client.ts";
import { assertWithin } from "../support/held-up.ts";

export interface ChatModelHarness {
  readonly client: ChatModelClient;
  /** A request whose reply is the text that the harness was made for. */
  readonly request: ChatModelRequest;
  close?(): Promise<void>;
}

/** Makes a client that will say `text`. */
export type CreateChatModelHarness = (text: string) => Promise<ChatModelHarness> | ChatModelHarness;

const ABORT_LIMIT_MS = 250;
const TEXT =
  "Good day. I was born on 10 December 1815 in London, and numbers have been my friends ever since.";
const AWKWARD_TEXT =
  "Smile 😀😀😀 and 👩‍🔬👩‍🔬 with e\u0301 and 🇹🇷🇬🇧 and a_very_long_word_without_any_space_😀_in_it\r\nnext  line";

export function describeChatModelClient(name: string, createHarness: CreateChatModelHarness): void {
  describe(`${name} as a ChatModelClient`, () => {
    for (const [kind, text] of [
      ["plain", TEXT],
      ["awkward", AWKWARD_TEXT],
    ] as const) {
      it(`streams a ${kind} text whole, in deltas that are never empty nor half a character`, async () => {
        await using harness = await open(createHarness, text);
        const deltas: string[] = [];
        await harness.client.stream(
          harness.request,
          (delta) => deltas.push(delta),
          new AbortController().signal,
        );
        assert.equal(deltas.join(""), text);
        for (const delta of deltas) {
          assert.notEqual(delta, "");
          assert.ok(delta.isWellFormed(), `half a surrogate pair in ${JSON.stringify(delta)}`);
        }
      });
    }

    it("tells where the words came from and how they ended", async () => {
      await using harness = await open(createHarness, TEXT);
      const reply = await harness.client.stream(
        harness.request,
        () => undefined,
        new AbortController().signal,
      );
      assert.ok(["model", "fallback-model", "offline", "scripted"].includes(reply.source));
      assert.equal(reply.finishReason, "stop");
    });

    it("says nothing after it has settled", async () => {
      await using harness = await open(createHarness, TEXT);
      let deltas = 0;
      await harness.client.stream(harness.request, () => (deltas += 1), new AbortController().signal);
      const settledAt = deltas;
      for (let turns = 0; turns < 20; turns += 1) await turn();
      assert.equal(deltas, settledAt);
    });

    it("rejects with the reason, and says nothing, when it was stopped before it began", async () => {
      await using harness = await open(createHarness, TEXT);
      const reason = new Error("stopped early");
      const deltas: string[] = [];
      await assert.rejects(
        harness.client.stream(harness.request, (delta) => deltas.push(delta), AbortSignal.abort(reason)),
        (error) => error === reason,
      );
      assert.deepEqual(deltas, []);
    });

    it("rejects with the reason in time, and says nothing more, when it is stopped in its midst", async () => {
      await using harness = await open(createHarness, TEXT);
      const stop = new AbortController();
      const reason = new Error("stopped");
      const deltas: string[] = [];
      let stoppedAt = 0;
      const streaming = harness.client.stream(
        harness.request,
        (delta) => {
          deltas.push(delta);
          if (deltas.length !== 2) return;
          stoppedAt = performance.now();
          stop.abort(reason);
        },
        stop.signal,
      );
      await assert.rejects(streaming, (error) => error === reason);
      assertWithin("the end", performance.now() - stoppedAt, ABORT_LIMIT_MS, stoppedAt);
      for (let turns = 0; turns < 20; turns += 1) await turn();
      assert.equal(deltas.length, 2);
      assert.ok(TEXT.startsWith(deltas.join("")));
    });

    it("rejects in time when it is stopped while it waits", async () => {
      await using harness = await open(createHarness, TEXT);
      const stop = new AbortController();
      const reason = new Error("stopped while waiting");
      const streaming = harness.client.stream(
        harness.request,
        () => setImmediate(() => stop.abort(reason)),
        stop.signal,
      );
      await assert.rejects(streaming, (error) => error === reason);
    });

    it("serves two replies at once without mixing them", async () => {
      await using harness = await open(createHarness, TEXT);
      const say = async () => {
        const deltas: string[] = [];
        await harness.client.stream(
          harness.request,
          (delta) => deltas.push(delta),
          new AbortController().signal,
        );
        return deltas.join("");
      };
      assert.deepEqual(await Promise.all([say(), say()]), [TEXT, TEXT]);
    });
  });
}

async function open(
  createHarness: CreateChatModelHarness,
  text: string,
): Promise<ChatModelHarness & AsyncDisposable> {
  const harness = await createHarness(text);
  return { ...harness, [Symbol.asyncDispose]: async () => harness.close?.() };
}
