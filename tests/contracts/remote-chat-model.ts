// What every client of a remote model does beyond the contract of all: requests, streams in every shape, and how a
// provider's faults come out. Run for each provider against the scriptable one, without retry and breaker.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { AppError, type ErrorCode } from "#app/core/errors.ts";
import type { ChatModelClient } from "#app/services/llm/client.ts";
import type { Deadlines } from "#app/services/llm/deadlines.ts";
import { faultOf } from "#app/services/llm/provider-fault.ts";
import { assertWithin } from "../support/held-up.ts";
import { say } from "../support/provider-chunks.ts";
import { ask, type Heard, KEY, PATIENT, REQUEST } from "../support/remote-request.ts";
import {
  type ProviderReply,
  type ScriptableProvider,
  startScriptableProvider,
} from "../support/scriptable-provider.ts";
import { until } from "../support/until.ts";
import { describeChatModelClient } from "./chat-model-client.ts";
import { FAULTS } from "./remote-faults.ts";

export type CreateRemoteClient = (origin: string, deadlines: Deadlines) => ChatModelClient;

/** A stream as it should be read, whatever its shape. */
const STREAMS: Readonly<Record<string, { reply: ProviderReply; text: string }>> = {
  "with keep-alive comments and unknown fields between events": {
    reply: {
      steps: [
        say.KEEP_ALIVE,
        say.ROLE,
        "event: x\nid: 7\nretry: 3\n",
        say.content("a"),
        ":\n\n",
        say.content("b"),
        say.STOP,
        say.DONE,
      ],
    },
    text: "ab",
  },
  "with CRLF line ends": {
    reply: { steps: say.answer("one ", "two").map((event) => event.replaceAll("\n", "\r\n")) },
    text: "one two",
  },
  "without a blank after data:": {
    reply: { steps: say.answer("one ", "two").map((event) => event.replace("data: ", "data:")) },
    text: "one two",
  },
  "with data over several lines": {
    reply: { steps: [say.content("ab").replace('"choices"', '\ndata: "choices"'), say.STOP, say.DONE] },
    text: "ab",
  },
  "with a byte-order mark": { reply: { steps: ["\uFEFF", ...say.answer("ab")] }, text: "ab" },
  "byte by byte": {
    reply: { steps: [...Buffer.from(say.answer("é😀", "\n").join(""))].map((byte) => Buffer.of(byte)) },
    text: "é😀\n",
  },
  "with several choices, of which the first counts": {
    reply: {
      steps: [
        say.chunk({ delta: { content: "no" }, index: 1 }),
        say.content("yes"),
        say.chunk({ finishReason: "length", index: 1 }),
        say.STOP,
        say.DONE,
      ],
    },
    text: "yes",
  },
  "with reasoning in a field of its own": {
    reply: {
      steps: [
        say.chunk({ delta: { reasoning_content: "hmm" } }),
        say.chunk({ delta: { content: null, reasoning: "hm" } }),
        ...say.answer("ab"),
      ],
    },
    text: "ab",
  },
  "with thoughts in the text, cut anywhere": {
    reply: {
      steps: say.answer("<th", "ink>what do", " they want</thi", "nk>\n", "\nHel", "lo <think> there"),
    },
    text: "Hello <think> there",
  },
  "with tool calls, which nobody asked for": {
    reply: {
      steps: [
        say.chunk({ delta: { tool_calls: [{ index: 0, function: { name: "x", arguments: "{}" } }] } }),
        say.content("ab"),
        say.finish("tool_calls"),
        say.DONE,
      ],
    },
    text: "ab",
  },
  "with a finish reason and no [DONE]": { reply: { steps: [say.content("ab"), say.STOP] }, text: "ab" },
  "whose last event has no line end": {
    reply: { steps: [say.content("ab"), say.STOP.trimEnd()] },
    text: "ab",
  },
  "that breaks after its finish reason": {
    reply: { steps: [say.content("ab"), say.STOP, { pauseMs: 20 }], ending: "reset" },
    text: "ab",
  },
  "that is followed by nonsense after its finish reason": {
    reply: { steps: [say.content("ab"), say.STOP, "data: {\n\n"] },
    text: "ab",
  },
  "without a content type": { reply: { headers: {}, steps: say.answer("ab") }, text: "ab" },
  "that uses quotes, escapes and the words of its own frame": {
    reply: { steps: say.answer('"', "\\", '\\"', '","role":"', '"content":"x"', "\n\t\u0000\u2028") },
    text: '"\\\\"","role":""content":"x"\n\t\u0000\u2028',
  },
};

export function describeRemoteChatModel(name: string, create: CreateRemoteClient): void {
  describeChatModelClient(name, async (text) => {
    const provider = await startScriptableProvider();
    const words = text.match(/\S+\s*/g) ?? [];
    const [role = "", ...events] = say.answer(...words);
    // Slow enough to be stopped in its midst.
    provider.reply({ steps: [role, ...events.flatMap((event) => [event, { pauseMs: 1 }])] });
    return { client: create(provider.origin, PATIENT), request: REQUEST, close: () => provider.close() };
  });

  describe(`${name} as a remote model`, () => {
    let provider: ScriptableProvider;
    before(async () => {
      provider = await startScriptableProvider();
    });
    after(() => provider.close());
    const askAfter = async (reply: ProviderReply, deadlines: Partial<Deadlines> = {}): Promise<Heard> => {
      provider.reply(reply);
      return await ask(create(provider.origin, { ...PATIENT, ...deadlines }));
    };

    it("asks for a stream with usage, a bounded length and the whole prompt", async () => {
      await askAfter({ steps: say.answer("ok") });
      const { method, headers, body } = provider.requests.at(-1) ?? assert.fail("nothing was asked");
      assert.equal(method, "POST");
      assert.equal(headers["content-type"], "application/json");
      assert.deepEqual(body.messages, REQUEST.messages);
      assert.equal(body.stream, true);
      assert.deepEqual(body.stream_options, { include_usage: true });
      assert.equal(body.max_tokens, 600);
      assert.equal(body.temperature, 0.7);
      assert.equal(body.top_p, 0.9);
    });

    for (const [shape, { reply, text }] of Object.entries(STREAMS)) {
      it(`reads a stream ${shape}`, async () => {
        const heard = await askAfter(reply);
        assert.equal(heard.error, undefined);
        assert.equal(heard.text, text);
        assert.ok(heard.deltas.every((delta) => delta !== "" && delta.isWellFormed()));
      });
    }

    it("tells the usage and the model that the provider told", async () => {
      const { reply } = await askAfter({ steps: say.answer("a", "b") });
      assert.deepEqual(reply, {
        source: "model",
        finishReason: "stop",
        usage: { model: "served-model", inputTokens: 12, outputTokens: 2 },
      });
    });

    it("leaves the usage out when the provider told none", async () => {
      const { reply } = await askAfter({ steps: [say.content("a"), say.STOP, say.DONE] });
      assert.deepEqual(reply, { source: "model", finishReason: "stop" });
    });

    for (const reason of ["length", "content_filter"]) {
      it(`tells that a text was cut by ${reason}`, async () => {
        const heard = await askAfter({ steps: [say.content("a"), say.finish(reason), say.DONE] });
        assert.equal(heard.reply?.finishReason, reason);
        assert.equal(heard.text, "a");
      });
    }

    it("puts an emoji together that a packet has cut", async () => {
      const bytes = Buffer.from(say.content("x😀y"));
      const at = bytes.indexOf(Buffer.from("😀")) + 2;
      const heard = await askAfter({
        steps: [bytes.subarray(0, at), { pauseMs: 5 }, bytes.subarray(at), say.STOP, say.DONE],
      });
      assert.equal(heard.text, "x😀y");
    });

    it("puts an emoji together that two deltas have cut, and never hands out its half", async () => {
      const halves = ["\\ud83d", "\\ude00"].map((half) => say.content("HALF").replace("HALF", half));
      const heard = await askAfter({ steps: [...halves, say.content("!"), say.STOP, say.DONE] });
      assert.deepEqual(heard.deltas, ["😀", "!"]);
    });

    it("replaces half an emoji whose other half never comes", async () => {
      const half = say.content("aHALF").replace("HALF", "\\ud83d");
      const heard = await askAfter({ steps: [half, say.STOP, say.DONE] });
      assert.equal(heard.text, "a\uFFFD");
    });

    for (const [name, fault] of Object.entries(FAULTS)) {
      it(`calls it ${fault.expected.code} when ${name}`, async () => {
        const startedAt = performance.now();
        const { reply, deadlines, expected, text = "", retryAfterMs } = fault;
        const heard = await askAfter(reply, deadlines);
        assertFault(heard, expected);
        assert.equal(heard.text, text);
        if (retryAfterMs !== undefined) {
          const told = heard.error instanceof AppError ? (heard.error.retryAfterMs ?? -1) : -1;
          // Where it is the time of day that was told, what is left of it goes on passing while we are held up.
          assertWithin("less than was told", retryAfterMs - told, 1_500, startedAt);
          assert.ok(told >= 0 && told <= retryAfterMs, `${told} ms`);
        }
      });
    }

    it("calls it llm_unavailable when the connection is refused", async () => {
      const gone = await startScriptableProvider();
      await gone.close();
      const heard = await ask(create(gone.origin, PATIENT));
      assertFault(heard, { code: "llm_unavailable", transient: true, counts: true });
    });

    it("reaches the provider's socket within 250 ms of an abort, whatever it waits for", async () => {
      const stalls: ProviderReply[] = [
        { silent: true },
        { ending: "stall" },
        { steps: [say.content("a")], ending: "stall" },
      ];
      for (const stall of stalls) {
        provider.reply(stall);
        const asked = provider.requests.length;
        const stop = new AbortController();
        const reason = new Error("stopped");
        const asking = ask(create(provider.origin, PATIENT), { signal: stop.signal });
        await until("the request at the provider", () => provider.requests.length > asked);
        const at = performance.now();
        stop.abort(reason);
        assert.equal((await asking).error, reason);
        const left = await provider.requests.at(-1)?.left;
        assert.ok(left !== undefined);
        assertWithin("the provider's news", left - at, 250, at);
      }
    });

    it("cuts the connection when whoever takes the text throws, and says what was thrown", async () => {
      provider.reply({ steps: [say.content("a"), { pauseMs: 1 }, say.content("b")], ending: "stall" });
      const thrown = new Error("full");
      const failing = () => {
        throw thrown;
      };
      const client = create(provider.origin, PATIENT);
      await assert.rejects(
        client.stream(REQUEST, failing, new AbortController().signal),
        (error) => error === thrown,
      );
      assert.ok((await provider.requests.at(-1)?.left) !== undefined);
    });
  });
}

/** The code for the visitor, the facts for retry and breaker, and nothing that the provider or we must keep to ourselves. */
function assertFault(
  { error }: Heard,
  expected: { readonly code: ErrorCode; readonly transient: boolean; readonly counts: boolean },
): void {
  assert.ok(error instanceof AppError, `no AppError: ${String(error)}`);
  const fault = faultOf(error);
  const { transient, counts } = fault ?? {};
  assert.deepEqual({ code: error.code, transient, counts }, { ...expected });
  assert.equal(error.category, "external_service");
  const everything = `${JSON.stringify([error, fault])} ${error.stack} ${fault?.stack} ${error.message}`;
  for (const secret of [KEY, "THE-PROMPT", "sk-secret-in-the-body"])
    assert.ok(!everything.includes(secret), secret);
}
