// A life of the log in memory: its numbers, its names, what can be read of it.

import assert from "node:assert/strict";
import { it } from "node:test";
import { DetachedLog } from "#app/services/chatbot/detached-log.ts";
import { nameOf } from "../../contracts/event-log-samples.ts";
import { asConversation } from "./away-writer.ts";

function lifeAfter(baseSeq: number, count: number): DetachedLog {
  const life = new DetachedLog(asConversation(), baseSeq);
  for (let index = 1; index <= count; index += 1) life.events.push(nameOf(baseSeq + index));
  return life;
}

it("a detached life numbers on after what was confirmed, from an empty one on", () => {
  const life = lifeAfter(40, 0);
  assert.equal(life.head.lastSeq, 40);
  life.events.push(nameOf(41));
  assert.deepEqual(life.head, { epoch: life.epoch, lastSeq: 41 });
});

it("a detached life gives a reader what follows its position, at most as much as it takes", () => {
  const life = lifeAfter(40, 5);
  const { epoch } = life;
  assert.deepEqual(life.read({ after: 42, limit: 2 }), {
    ...{ epoch, lastSeq: 45, firstSeq: 43 },
    events: [nameOf(43), nameOf(44)],
  });
  assert.deepEqual(life.read({ after: 45, limit: 10 })?.events, []);
  assert.deepEqual(life.read({ after: 40, limit: 0 })?.events, []);
});

it("a detached life proves nothing of a position before its base, or after its end", () => {
  const life = lifeAfter(40, 5);
  for (const after of [0, 39, 46]) assert.equal(life.read({ after, limit: 10 }), undefined, `after ${after}`);
});

it("two detached lives never have one name, and a renamed one keeps its numbers", () => {
  const [one, other] = [lifeAfter(1, 2), lifeAfter(1, 2)];
  assert.notEqual(one.epoch, other.epoch);
  const before = one.epoch;
  one.rename();
  assert.notEqual(one.epoch, before);
  assert.deepEqual([one.head.epoch, one.head.lastSeq], [one.epoch, 3]);
});
