// The log of a storage that can go away: what is read from a detached life, and what from the storage.

import assert from "node:assert/strict";
import { it, type TestContext } from "node:test";
import { ShelteredEventLog } from "#app/services/chatbot/sheltered-log.ts";
import { batch, nameOf, openLog } from "../../contracts/event-log-samples.ts";
import { storageFor } from "../../support/watched-storage.ts";
import { asConversation } from "./away-writer.ts";

/** Three events in the storage, two of them shown before it went away, and two more since. */
async function start(test: TestContext) {
  const home = storageFor(test);
  const { id, lease, head } = await openLog(home);
  await home.log.append(lease, batch(1, 3));
  const adopted: unknown[] = [];
  const shelter = new ShelteredEventLog({
    open: (of) => home.log.open(of),
    append: (held, events) => home.log.append(held, events),
    read: (of, from) => home.log.read(of, from),
    subscribe: (of, onEvents) => home.log.subscribe(of, onEvents),
    adopt: async (...args) => adopted.push(args) > 0,
  });
  const life = shelter.detach({ ...asConversation(), id }, 2);
  life.events.push("x3", "x4");
  return { home, shelter, life, id, lease, epoch: head.epoch, adopted };
}

it("a detached conversation stands where its life stands, the others where the storage says", async (test) => {
  const { shelter, life, id, home } = await start(test);
  assert.deepEqual(await shelter.open(id), { epoch: life.epoch, lastSeq: 4 });
  const other = await openLog(home);
  assert.deepEqual(await shelter.open(other.id), other.head);
  assert.deepEqual([shelter.detachedOf(id), shelter.detachedOf(other.id)], [life, undefined]);
});

it("a life is read by its own name only; by any other the storage is asked", async (test) => {
  const { shelter, life, id, epoch } = await start(test);
  const read = async (name: string) => (await shelter.read(id, { epoch: name, after: 2, limit: 10 }))?.events;
  assert.deepEqual(await read(life.epoch), ["x3", "x4"]);
  assert.deepEqual(await read(epoch), [nameOf(3)], "the old life is there as it was");
  assert.equal(await read("unknown"), undefined);
});

it("a life that was brought home stays readable here until it is released, and then no longer", async (test) => {
  const { shelter, life, id, lease, adopted, epoch } = await start(test);
  assert.equal(await shelter.adopt(lease, life), true);
  assert.deepEqual(adopted, [[lease, life]]);
  const from = { epoch: life.epoch, after: 2, limit: 10 };
  assert.deepEqual((await shelter.read(id, from))?.events, ["x3", "x4"]);
  shelter.release(id);
  assert.equal(shelter.detachedOf(id), undefined);
  assert.equal(await shelter.read(id, from), undefined);
  assert.equal((await shelter.open(id)).epoch, epoch);
});

it("a second life takes the place of the first", async (test) => {
  const { shelter, life, id } = await start(test);
  const next = shelter.detach(life.conversation, 4);
  assert.equal(shelter.detachedOf(id), next);
  const read = (epoch: string) => shelter.read(id, { epoch, after: 4, limit: 1 });
  assert.deepEqual([await read(life.epoch), (await read(next.epoch))?.lastSeq], [undefined, 4]);
});
