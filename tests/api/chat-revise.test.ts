// Editing and regenerating what was answered: what leaves, what the model is sent, what other tabs and late ones see.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createPacedScript } from "../support/paced-model.ts";
import { lastPrompt, startAnswered, startRevising } from "./revising.ts";

const WORD = "Nightingale";

describe("edit", () => {
  it("of the last message replaces it and its answer, everywhere", async (t) => {
    const { talk, model, runs, replyIds, tab } = await startAnswered(t, "one", `two${WORD}`);
    const other = await tab();
    model.script("another answer");
    const accepted = await talk.edit(`two${WORD}`, "two again", { commandId: "e1" });
    assert.partialDeepStrictEqual(accepted, { messageId: `two${WORD}`, state: "waiting", commandId: "e1" });
    assert.ok(!("duplicate" in accepted) && !runs.includes(accepted.runId));
    for (const each of [talk, other]) {
      assert.deepEqual(await each.edited(), { messageId: `two${WORD}`, removed: [replyIds[1]] });
      const { frames, text, outcome } = await each.run(accepted.runId);
      assert.deepEqual([text, outcome], ["another answer", "success"]);
      assert.equal(frames[0]?.parentRunId, runs[1]);
      assert.deepEqual(Object(frames[0]?.input).messages, [
        { id: `two${WORD}`, role: "user", content: "two again" },
      ]);
      assert.deepEqual(await each.contents(), ["one", "to one", "two again", "another answer"]);
    }
    const prompt = lastPrompt(model);
    assert.deepEqual(prompt.slice(-3), ["one", "to one", "two again"]);
    assert.ok(!prompt.some((text) => text.includes(WORD)));
  });

  it("of an older message removes all that followed: from pages, snapshots and prompts", async (t) => {
    const { talk, model, replyIds, tab } = await startAnswered(t, "one", "two", "three");
    model.script("to uno");
    const { runId } = await talk.edit("one", "uno");
    const removed = [replyIds[0], "two", replyIds[1], "three", replyIds[2]];
    assert.deepEqual(await talk.edited(), { messageId: "one", removed });
    await talk.run(runId);
    assert.deepEqual(lastPrompt(model).slice(-1), ["uno"]);
    assert.doesNotMatch(JSON.stringify(model.calls.at(-1)), /two|three|to one/);
    assert.deepEqual(
      (await (await tab()).snapshot()).messages.map(({ content }) => content),
      ["uno", "to uno"],
    );
    for (const before of removed) {
      talk.client.send({ type: "history", before });
      assert.equal((await talk.refused()).code, "message_not_found");
    }
    assert.equal(
      (await talk.say("two", { id: "two" })).duplicate,
      true,
      "what was removed is no new message",
    );
    assert.deepEqual(await talk.contents(), ["uno", "to uno"]);
    assert.equal((await talk.ask("next")).outcome, "success");
    assert.doesNotMatch(JSON.stringify(model.calls.at(-1)), /three/);
  });

  it("in mid-reply stops that reply first, which then leaves the history", async (t) => {
    const { talk, model } = await startAnswered(t, "one");
    model.script(...createPacedScript("half of it ", "never said").steps);
    const running = await talk.say("two", { id: "two" });
    await talk.heard("half of it ");
    model.script("the new one");
    const { runId, position } = await talk.edit("two", "deux");
    assert.equal(position, 1);
    assert.equal((await talk.run(running.runId)).outcome, "cancelled");
    const { removed } = await talk.edited();
    assert.equal(removed.length, 1);
    assert.equal((await talk.run(runId)).text, "the new one");
    assert.deepEqual(await talk.contents(), ["one", "to one", "deux", "the new one"]);
    assert.doesNotMatch(JSON.stringify(lastPrompt(model)), /half of it|two/);
  });

  it("of an older message stops the running reply of another, and removes it with the rest", async (t) => {
    const { talk, model, replyIds } = await startAnswered(t, "one");
    model.script(...createPacedScript("half of it ", "never said").steps);
    const running = await talk.say("two", { id: "two" });
    await talk.heard("half of it ");
    const { runId } = await talk.edit("one", "uno");
    assert.equal((await talk.run(running.runId)).outcome, "cancelled");
    const { removed } = await talk.edited();
    assert.deepEqual(removed.slice(0, 2), [replyIds[0], "two"]);
    assert.equal(removed.length, 3);
    await talk.run(runId);
    assert.deepEqual(await talk.contents(), ["uno", "ok"]);
  });

  it("of a waiting message lets the running reply go on, and answers only what it says now", async (t) => {
    const { talk, model } = await startAnswered(t);
    const script = createPacedScript("running ", "reply");
    model.script(...script.steps);
    const running = await talk.say("one", { id: "one" });
    await talk.heard("running ");
    const waiting = await talk.say("two", { id: "two" });
    const last = await talk.say("three", { id: "three" });
    const edited = await talk.edit("two", "deux");
    assert.deepEqual([edited.position, edited.state], [2, "waiting"]);
    script.finish();
    assert.equal((await talk.run(running.runId)).text, "running reply");
    assert.equal((await talk.run(waiting.runId)).outcome, "cancelled");
    assert.deepEqual(await talk.edited(), { messageId: "two", removed: [] });
    const run = await talk.run(edited.runId);
    assert.deepEqual([run.outcome, run.frames[0]?.parentRunId], ["success", waiting.runId]);
    await talk.run(last.runId);
    assert.deepEqual(await talk.contents(), ["one", "running reply", "deux", "ok", "three", "ok"]);
    assert.ok(!model.calls.some(({ messages }) => messages.some(({ content }) => content === "two")));
  });

  it("a second time with the same text is known, whatever its state, and starts nothing", async (t) => {
    const { talk, model } = await startAnswered(t, "one");
    const script = createPacedScript("new ", "answer");
    model.script(...script.steps);
    const first = await talk.edit("one", "uno");
    const waiting = await talk.edit("one", "uno");
    assert.deepEqual([waiting.runId, waiting.duplicate], [first.runId, true]);
    await talk.heard("new ");
    assert.partialDeepStrictEqual(await talk.edit("one", "uno"), { state: "running", duplicate: true });
    script.finish();
    await talk.run(first.runId);
    assert.partialDeepStrictEqual(await talk.edit("one", "uno"), {
      ...{ runId: first.runId, position: 0 },
      ...{ state: "finished", duplicate: true },
    });
    assert.equal((await talk.say("one", { id: "one" })).duplicate, true, "sent again with its first text");
    talk.client.send({ type: "message", id: "one", text: "uno" });
    assert.equal((await talk.refused()).code, "id_conflict");
    assert.equal(model.calls.length, 2);
    assert.deepEqual(await talk.contents(), ["uno", "new answer"]);
  });

  it("twice at once from two tabs answers both in one order; the second one stands", async (t) => {
    const { talk, tab } = await startAnswered(t, "one", "two");
    const other = await tab();
    const [mine, theirs] = await Promise.all([talk.edit("one", "mine"), other.edit("one", "theirs")]);
    for (const each of [talk, other]) for (const { runId } of [mine, theirs]) await each.run(runId);
    const contents = await talk.contents();
    assert.equal(contents.length, 2);
    assert.ok(["mine", "theirs"].includes(contents[0] ?? ""));
    assert.deepEqual(await other.contents(), contents);
    const numbered = (each: typeof talk) => each.events().map((frame) => JSON.stringify(frame));
    assert.deepEqual(numbered(talk).slice(-numbered(other).length), numbered(other));
  });

  it("is read over by who resumes before it, and by who joins in the midst of its answer", async (t) => {
    const { talk, model, pair, epoch, open, tab } = await startAnswered(t, "one", "two");
    const reached = Number(talk.events().at(-1)?.seq);
    const script = createPacedScript("new ", "answer");
    model.script(...script.steps);
    const { runId } = await talk.edit("one", "uno");
    await talk.heard("new ");
    const back = await open();
    assert.equal((await back.join({ ...pair, epoch, after: reached })).recovered, true);
    assert.equal((await back.edited()).messageId, "one");
    const late = await tab();
    assert.deepEqual((await late.snapshot()).messages, [], "what is being answered is replayed instead");
    script.finish();
    const seen = await Promise.all([talk, back, late].map((each) => each.run(runId)));
    for (const run of seen) assert.deepEqual(run, seen[0]);
    assert.equal(seen[0]?.text, "new answer");
    assert.deepEqual(back.events(), talk.events().slice(reached));
  });

  it("that is stopped while it waits is applied all the same; its run ends as cancelled", async (t) => {
    const { talk, model } = await startAnswered(t);
    const script = createPacedScript("running ", "reply");
    model.script(...script.steps);
    await talk.say("one", { id: "one" });
    await talk.heard("running ");
    await talk.say("two", { id: "two" });
    const { runId } = await talk.edit("two", "deux");
    talk.client.send({ type: "stop", runId });
    await talk.caughtUp();
    script.finish();
    const { frames, outcome } = await talk.run(runId);
    assert.equal(outcome, "cancelled");
    assert.deepEqual(
      frames.map(({ type }) => type),
      ["RUN_STARTED", "RUN_FINISHED"],
    );
    assert.deepEqual(await talk.contents(), ["one", "running reply", "deux"]);
    assert.equal(model.calls.length, 1);
    await talk.run((await talk.regenerate()).runId);
    assert.deepEqual(await talk.contents(), ["one", "running reply", "deux", "ok"]);
  });
});

describe("regenerate", () => {
  it("answers the last message again; the reply that stood there leaves", async (t) => {
    const { talk, model, runs, replyIds } = await startAnswered(t, "one", "two");
    model.script("better");
    const accepted = await talk.regenerate({ commandId: "r" });
    assert.partialDeepStrictEqual(accepted, { messageId: "two", commandId: "r" });
    assert.deepEqual(await talk.edited(), { messageId: "two", removed: [replyIds[1]] });
    const { frames, text } = await talk.run(accepted.runId);
    assert.deepEqual([text, frames[0]?.parentRunId], ["better", runs[1]]);
    assert.deepEqual(await talk.contents(), ["one", "to one", "two", "better"]);
    assert.deepEqual(lastPrompt(model).slice(-3), ["one", "to one", "two"]);
    for (let round = 0; round < 3; round += 1) await talk.run((await talk.regenerate()).runId);
    assert.deepEqual(await talk.contents(), ["one", "to one", "two", "ok"]);
  });

  it("answers a named older message again, as it was last edited, and what followed leaves", async (t) => {
    const { talk, model } = await startAnswered(t, "one", "two");
    await talk.run((await talk.edit("one", "uno")).runId);
    await talk.ask("three");
    model.script("better");
    await talk.run((await talk.regenerate({ messageId: "one" })).runId);
    assert.deepEqual(await talk.contents(), ["uno", "better"]);
    assert.deepEqual(lastPrompt(model).slice(-1), ["uno"]);
  });

  it("in mid-reply stops that reply and answers the same message", async (t) => {
    const { talk, model } = await startAnswered(t, "one");
    model.script(...createPacedScript("half of it ", "never said").steps);
    const running = await talk.say("two", { id: "two" });
    await talk.heard("half of it ");
    const again = await talk.regenerate();
    assert.equal(again.messageId, "two");
    assert.equal((await talk.run(running.runId)).outcome, "cancelled");
    assert.equal((await talk.run(again.runId)).outcome, "success");
    assert.deepEqual(await talk.contents(), ["one", "to one", "two", "ok"]);
  });

  it("of a waiting message is answered in its turn, with its text", async (t) => {
    const { talk, model } = await startAnswered(t);
    const script = createPacedScript("running ", "reply");
    model.script(...script.steps);
    await talk.say("one", { id: "one" });
    await talk.heard("running ");
    await talk.say("two", { id: "two" });
    const { runId } = await talk.regenerate({ messageId: "two" });
    script.finish();
    await talk.run(runId);
    assert.deepEqual(await talk.contents(), ["one", "running reply", "two", "ok"]);
  });

  it("keeps the text of a message that another revision removes before its turn", async (t) => {
    const { talk, model, storage } = await startAnswered(t, "one");
    model.script(...createPacedScript("half of it ", "never said").steps);
    await talk.say("two", { id: "two" });
    await talk.heard("half of it ");
    const gate = Promise.withResolvers<void>();
    // The reply that is broken off enters the history only when both revisions stand in line.
    storage.beforeNext("record", () => gate.promise);
    const again = await talk.regenerate({ messageId: "two" });
    const edited = await talk.edit("one", "uno");
    assert.deepEqual([edited.position, again.position], [1, 1]);
    gate.resolve();
    await talk.run(edited.runId);
    const run = await talk.run(again.runId);
    assert.equal(Object(run.frames[0]?.input).messages[0].content, "two");
    assert.deepEqual(await talk.contents(), ["uno", "ok", "two", "ok"]);
  });

  it("is known while one waits already", async (t) => {
    const { talk, model } = await startAnswered(t);
    const script = createPacedScript("running ", "reply");
    model.script(...script.steps);
    await talk.say("one", { id: "one" });
    await talk.heard("running ");
    await talk.say("two", { id: "two" });
    const first = await talk.regenerate({ messageId: "two" });
    const second = await talk.regenerate({ messageId: "two" });
    assert.deepEqual([second.runId, second.duplicate], [first.runId, true]);
    script.finish();
    await talk.run(first.runId);
    assert.equal((await talk.contents()).length, 4);
  });

  it("is answered by whoever was chosen just before", async (t) => {
    const { talk, model } = await startAnswered(t, "one");
    model.script(...createPacedScript("half ", "never").steps);
    await talk.say("two", { id: "two" });
    await talk.heard("half ");
    talk.client.send({ type: "persona", persona: "engineer" });
    const { frames } = await talk.run((await talk.regenerate()).runId);
    assert.equal(Object(frames[0]?.metadata).persona.id, "engineer");
    talk.client.send({ type: "persona", persona: "ada" });
    const again = await talk.run((await talk.regenerate({ messageId: "one" })).runId);
    assert.equal(Object(again.frames[0]?.metadata).persona.id, "ada");
    assert.deepEqual(await talk.contents(), ["one", "ok"]);
  });

  it("reaches past a hundred later messages", async (t) => {
    const { open } = await startRevising(t);
    const talk = await open();
    await talk.join();
    await talk.run((await talk.say("first", { id: "first" })).runId);
    for (let index = 0; index < 60; index += 1) await talk.ask(`later ${index}`);
    const { runId } = await talk.regenerate({ messageId: "first" });
    assert.equal((await talk.edited()).removed.length, 121);
    await talk.run(runId);
    assert.deepEqual(await talk.contents(), ["first", "ok"]);
  });
});
