// The choice of where conversations live: what a server gets without any further storage.

import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, mock } from "node:test";
import { LOG_WINDOW } from "#app/services/chatbot/event-log.ts";
import { LocalStorage } from "#app/services/chatbot/local-storage.ts";
import { createStorageBundle } from "#app/services/chatbot/memory-factory.ts";
import { LEASE_TIMES } from "#app/services/chatbot/run-lease.ts";
import {
  messageTurn,
  newConversation,
  openConversation,
  rejectsWith,
} from "../../contracts/conversation-samples.ts";

const TTL_MS = 3_600_000;

describe("the storage of a server that was given none", () => {
  beforeEach(() => mock.timers.enable({ apis: ["Date", "setInterval"], now: Date.UTC(2026, 10, 20) }));
  afterEach(() => mock.timers.reset());

  it("is memory, and says so", async () => {
    const bundle = createStorageBundle({ conversationTtlMs: TTL_MS });
    assert.equal(bundle.kind, "memory");
    await bundle.close();
  });

  it("has keepers that know of each other: a newer lease fences the store and the log", async () => {
    const bundle = createStorageBundle({ conversationTtlMs: TTL_MS });
    const { id, lease } = await openConversation(bundle);
    const { lastSeq } = await bundle.log.open(id);
    mock.timers.tick(LEASE_TIMES.lifeMs);
    assert.ok(await bundle.lease.acquire(id));
    const batch = { firstSeq: lastSeq + 1, events: ["event"], floorSeq: 1 };
    await rejectsWith("run_interrupted", bundle.log.append(lease, batch));
    await rejectsWith("run_interrupted", bundle.store.record(lease, { type: "run-started", runId: "run" }));
    await bundle.close();
  });

  it("keeps a conversation for its configured time after the last touch, on the real clock", async () => {
    const bundle = createStorageBundle({ conversationTtlMs: TTL_MS });
    const wish = newConversation();
    await bundle.store.create(wish);
    mock.timers.tick(TTL_MS);
    assert.equal((await bundle.store.page(wish.id, { limit: 1 })).conversation.id, wish.id);
    mock.timers.tick(TTL_MS + 1);
    await rejectsWith("conversation_not_found", bundle.store.page(wish.id, { limit: 1 }));
    await bundle.close();
  });

  it("keeps events for the window that is promised to readers", async () => {
    const bundle = createStorageBundle({ conversationTtlMs: TTL_MS });
    const { id, lease } = await openConversation(bundle);
    const { epoch } = await bundle.log.open(id);
    await bundle.log.append(lease, { firstSeq: 1, events: ["event"], floorSeq: 1 });
    mock.timers.tick(LOG_WINDOW.maxAgeMs);
    assert.ok(await bundle.log.read(id, { epoch, after: 0, limit: 1 }));
    mock.timers.tick(1);
    assert.equal(await bundle.log.read(id, { epoch, after: 0, limit: 1 }), undefined);
    await bundle.close();
  });

  it("is another one each time: nothing is kept in the module", async () => {
    const [one, other] = [
      createStorageBundle({ conversationTtlMs: TTL_MS }),
      createStorageBundle({ conversationTtlMs: TTL_MS }),
    ];
    const wish = newConversation();
    await one.store.create(wish);
    await rejectsWith("conversation_not_found", other.store.accept(wish.id, messageTurn("Hello")));
    await Promise.all([one.close(), other.close()]);
  });
});

describe("the storage's sweeper", () => {
  const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;

  it("drops what nobody asks for any more, until the storage is closed", async (context) => {
    context.mock.timers.enable({ apis: ["Date", "setInterval"], now: 0 });
    // Watched, not replaced: what was dropped unasked cannot be seen from outside.
    const { mock: sweeps } = context.mock.method(LocalStorage.prototype, "sweep");
    const bundle = createStorageBundle({ conversationTtlMs: TTL_MS });
    context.mock.timers.tick(TTL_MS);
    const count = sweeps.callCount();
    assert.ok(count >= 1);
    await bundle.close();
    context.mock.timers.tick(TTL_MS);
    assert.equal(sweeps.callCount(), count);
  });

  it("keeps no process alive, and can be closed twice", async () => {
    const before = timers();
    const bundle = createStorageBundle({ conversationTtlMs: TTL_MS });
    assert.equal(timers(), before);
    await bundle.close();
    await bundle.close();
  });
});
