// The end of a run while storage fails: the log has it first, the store second, a reader last. Whatever fails in
// between, the reply stands once in the history and the run has one end.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AppError } from "#app/core/errors.ts";
import { settle } from "../../support/settle.ts";
import { startQueue } from "./queueing.ts";

const away = () => Promise.reject(new AppError("storage_unavailable"));

/** A run that has said all it has to say, and is about to end. */
async function startEnding(test: Parameters<typeof startQueue>[0]) {
  const parts = await startQueue(test);
  const gate = Promise.withResolvers<void>();
  parts.model.script("All ", "of it.", { until: gate.promise });
  await parts.say("a");
  await settle();
  return { ...parts, end: gate.resolve };
}

describe("the end of a run", () => {
  it("that could be logged and not recorded is recorded by the next tenure, with the reply as it was read", async (test) => {
    const { queue, storage, end, stored, model } = await startEnding(test);
    storage.beforeNext("record", away);
    end();
    await queue.idle();
    const { conversation } = await stored();
    assert.equal(conversation.line.length, 1, "it is not recorded");
    queue.wake();
    await queue.idle();
    const page = await stored();
    assert.deepEqual(
      page.messages.map(({ role, content }) => [role, content]),
      [
        ["user", "a"],
        ["assistant", "All of it."],
      ],
    );
    assert.equal(page.messages[1]?.persona?.kind, "persona");
    assert.equal(page.conversation.line.length, 0);
    assert.equal(model.calls.length, 1, "nobody was asked again");
    const { lastSeq } = await storage.log.open(page.conversation.id);
    assert.equal(
      page.conversation.seq,
      lastSeq,
      "the history stands for no number that the log does not have",
    );
  });

  it("that could not even be logged is an interrupted run, and the message is answered once more", async (test) => {
    const { queue, storage, end, stored, story } = await startEnding(test);
    storage.beforeNext("append", away);
    end();
    await queue.idle();
    queue.wake();
    await queue.idle();
    const { conversation, messages } = await stored();
    assert.deepEqual([conversation.line.length, messages.length], [0, 2]);
    assert.equal(messages[1]?.content, "ok");
    assert.equal(story().filter((step) => step === "success").length, 1);
    const { lastSeq } = await storage.log.open(conversation.id);
    assert.equal(conversation.seq, lastSeq);
  });

  it("is shown to nobody before it is recorded", async (test) => {
    const { queue, storage, end, shown } = await startEnding(test);
    const recorded = Promise.withResolvers<void>();
    storage.beforeNext("record", () => recorded.promise);
    end();
    await settle();
    assert.ok(!shown.frames.some(({ type }) => type === "RUN_FINISHED"));
    recorded.resolve();
    await queue.idle();
    assert.ok(shown.frames.some(({ type }) => type === "RUN_FINISHED"));
  });
});
