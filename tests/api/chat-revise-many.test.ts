// Everything at once, from two tabs, in whatever order: in the end the page of each tab, as the browser's own code
// builds it from the frames, a late snapshot and the stored history are the same.

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import fc from "fast-check";
import { INITIAL_STATE, reduceConversation } from "#app/web/conversation-state.ts";
import { parseServerFrame } from "#app/web/server-frame.ts";
import type { Talk } from "../support/conversation.ts";
import { until } from "../support/until.ts";
import { startAnswered } from "./revising.ts";

const command = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant("message"),
      id: fc.constantFrom("a", "b", "c"),
      text: fc.constant("said"),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant("edit"),
      messageId: fc.constantFrom("one", "a", "b", "c"),
      text: fc.constantFrom("x", "y", "z"),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant("regenerate"), messageId: fc.constantFrom("one", "a", "b") }),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      ...[{ type: "regenerate" }, { type: "stop" }, { type: "persona", persona: "engineer" }],
    ),
  },
);
const sent = fc.tuple(fc.boolean(), command);

/** What the browser's code makes of everything that came: the messages' ids and texts. */
function pageOf({ client }: Talk): string[] {
  const state = client.frames.reduce((so, frame) => {
    const known = parseServerFrame(JSON.stringify(frame));
    return known ? reduceConversation(so, { type: "frame", frame: known }) : so;
  }, INITIAL_STATE);
  assert.deepEqual([state.waiting, state.run], [[], undefined]);
  return state.messages.flatMap((item) => (item.type === "message" ? [`${item.id}: ${item.text}`] : []));
}

/** The number of the newest event that came, or what the snapshot stands for where none did. */
function positionOf({ client }: Talk): unknown {
  const numbers = client.frames.map(({ type, seq, metadata }) =>
    type === "MESSAGES_SNAPSHOT" ? Object(metadata).seq : seq,
  );
  return numbers.findLast((number) => number !== undefined);
}

async function carryOut(t: TestContext, steps: readonly (readonly [boolean, object])[]): Promise<void> {
  const { talk, tab, storage, pair, model } = await startAnswered(t, "one");
  for (let index = 0; index < 50; index += 1) model.script(`${index} `, "and ", "on");
  const other = await tab();
  await other.custom("replayed");
  for (const [isMine, frame] of steps) (isMine ? talk : other).client.send(frame);
  for (const each of [talk, other]) await each.caughtUp();
  const stored = () => storage.store.page(pair.conversationId, { limit: 1_000 });
  let page = await stored();
  for (let look = 0; page.conversation.line.length > 0; look += 1) {
    assert.ok(look < 20_000, "the line was worked off");
    await talk.caughtUp();
    page = await stored();
  }
  const { seq } = page.conversation;
  await until("both were shown all", () => [talk, other].every((each) => positionOf(each) === seq));
  const expected = page.messages.map(({ id, content }) => `${id}: ${content}`);
  for (const each of [talk, other]) assert.deepEqual(pageOf(each), expected);
  const late = await tab();
  const { messages } = await late.snapshot();
  assert.deepEqual(
    messages.map(({ id, content }) => `${id}: ${content}`),
    expected,
  );
  assert.equal(new Set(page.messages.map(({ id }) => id)).size, page.messages.length, "nothing stands twice");
}

describe("many commands at once", () => {
  it("leave every tab, a late one and the history with the same conversation", async (t) => {
    await fc.assert(
      fc.asyncProperty(fc.array(sent, { minLength: 4, maxLength: 20, size: "max" }), (steps) =>
        carryOut(t, steps),
      ),
      { numRuns: 25 },
    );
  });
});

it("a copy of an edit that another connection brings after the next edit is answered as known, and undoes nothing", async (t) => {
  const { talk, model, tab } = await startAnswered(t, "one");
  const late = await tab();
  for (const [text, commandId] of [
    ["uno", "e1"],
    ["un", "e2"],
  ] as const) {
    model.script(`to ${text}`);
    await talk.run((await talk.edit("one", text, { commandId })).runId);
  }
  const copy = await late.edit("one", "uno", { commandId: "e1" });
  assert.partialDeepStrictEqual(copy, { state: "finished", duplicate: true, commandId: "e1" });
  assert.deepEqual(await late.contents(), ["un", "to un"]);
  model.script("to uno again");
  await talk.run((await talk.edit("one", "uno", { commandId: "e3" })).runId);
  assert.deepEqual(await late.contents(), ["uno", "to uno again"], "the same words, said anew");
});
