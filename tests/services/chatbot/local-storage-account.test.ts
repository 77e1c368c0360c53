// The account of the in-memory bundle's shelf: after whatever happened, it is the sum of what stands there.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import { AppError } from "#app/core/errors.ts";
import { LEASE_TIMES, type Lease } from "#app/services/chatbot/run-lease.ts";
import { messageTurn, newConversation, personaTurn, replyTo } from "../../contracts/conversation-samples.ts";
import { createLocalHarness, type LocalHarness } from "../../support/local-harness.ts";

/** What an empty record costs, whatever that is. */
const EMPTY_BYTES = emptyBytes();

function emptyBytes(): number {
  const { storage } = createLocalHarness();
  storage.add("a");
  return storage.bytes;
}

describe("the shelf's account", () => {
  it("is the sum of what stands there after any schedule, and 0 when all is gone", async () => {
    const act = fc.record({
      who: fc.nat(5),
      what: fc.constantFrom(
        "create",
        "say",
        "choose",
        "edit",
        "regenerate",
        "cancel",
        "finish",
        "append",
        "release",
        "read",
        "wait",
      ),
      size: fc.nat(3_000),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 120 }), async (acts) => {
        const bounds = { maxConversations: 4, maxBytes: 40_000, ttlMs: 120_000 };
        const harness = createLocalHarness({ maxEvents: 3, maxAgeMs: 30_000 }, bounds);
        const schedule = new ShelfSchedule(harness);
        for (const { who, what, size } of acts) {
          await schedule.take(`conversation-${who}`, what, size);
          assert.ok(harness.storage.size <= bounds.maxConversations);
        }
        const counted = schedule.recount();
        assert.equal(harness.storage.bytes, counted);
        harness.passMs(bounds.ttlMs + LEASE_TIMES.lifeMs + 1);
        harness.storage.sweep();
        assert.deepEqual([harness.storage.size, harness.storage.bytes], [0, 0]);
      }),
      { numRuns: 150 },
    );
  });
});

/** Acts on a few conversations by name, refusals included, and counts afterwards what is really there. */
class ShelfSchedule {
  readonly #harness: LocalHarness;
  readonly #leases = new Map<string, Lease>();
  readonly #names = new Set<string>();

  constructor(harness: LocalHarness) {
    this.#harness = harness;
  }

  async take(id: string, what: string, size: number): Promise<void> {
    this.#names.add(id);
    try {
      await this.#act(id, what, "ş".repeat(size));
    } catch (error) {
      if (!(error instanceof AppError) || error.code === "internal_error") throw error;
    }
  }

  recount(): number {
    const { storage } = this.#harness;
    let sum = 0;
    for (const id of this.#names) {
      const record = storage.find(id);
      if (!record) continue;
      const texts = record.conversation
        ? [
            ...[...record.conversation.accepted.values()].flatMap(({ text: said, editedText }) =>
              editedText === undefined ? [said] : [said, editedText],
            ),
            ...record.conversation.edits.keys(),
            ...record.conversation.messages
              .filter(({ role }) => role === "assistant")
              .map(({ content }) => content),
            ...record.conversation.messages.flatMap(({ feedback }) =>
              feedback ? [feedback.comment ?? ""] : [],
            ),
          ].map((kept) => kept.length * 2 + 256)
        : [];
      const events = record.log?.events.map((event) => event.length * 2) ?? [];
      const bytes = [EMPTY_BYTES, ...texts, ...events].reduce((all, one) => all + one, 0);
      assert.equal(record.bytes, bytes);
      sum += bytes;
    }
    return sum;
  }

  async #act(id: string, what: string, text: string): Promise<void> {
    const { here, passMs } = this.#harness;
    switch (what) {
      case "create":
        await here.store.create(newConversation({ id }));
        return;
      case "say":
        await here.store.accept(id, messageTurn(text, `m${text.length % 7}`));
        return;
      case "edit":
      case "regenerate":
        await here.store.accept(id, {
          ...{ type: "revision", runId: randomUUID(), messageId: `m${text.length % 7}`, text },
          ...{ isEdit: what === "edit", createdAt: 1, cancelled: false },
          ...(text.length % 2 === 0 && { commandId: "command" }),
        });
        return;
      case "choose":
        await here.store.accept(id, personaTurn("notes"));
        return;
      case "cancel":
        await here.store.cancel(id, undefined, "all");
        return;
      case "finish":
        return this.#finish(id, text);
      case "append":
        return this.#append(id, text);
      case "release":
        return here.lease.release(await this.#lease(id));
      case "read": {
        const { epoch } = await here.log.open(id);
        await here.log.read(id, { epoch, after: 0, limit: 5 });
        return;
      }
      default:
        passMs(text.length * 20);
    }
  }

  async #finish(id: string, text: string): Promise<void> {
    const { here } = this.#harness;
    const [first] = (await here.store.page(id, { limit: 0 })).conversation.line;
    const lease = await this.#lease(id);
    if (first?.type === "message") {
      const reply = replyTo(first, text);
      await here.store.record(lease, { type: "run-finished", runId: first.runId, reply, seq: 1 });
      await here.store.amend(id, {
        type: "feedback",
        messageId: reply.id,
        feedback: { rating: "up", ...(text.length % 2 === 0 && { comment: text }) },
      });
    } else if (first?.type === "revision") {
      const by = messageTurn(first.text, first.messageId);
      const change = { type: "revised", runId: first.runId, removed: [], seq: 1 } as const;
      await here.store.record(lease, {
        ...change,
        by: { ...by, runId: first.runId, message: { ...by.message, runId: first.runId } },
      });
    } else if (first) {
      const { turnId, persona } = first;
      await here.store.record(lease, { type: "persona-changed", turnId, persona, seq: 1 });
    }
  }

  async #append(id: string, text: string): Promise<void> {
    const { here } = this.#harness;
    const lease = await this.#lease(id);
    const { lastSeq } = await here.log.open(id);
    const events = [text, text.slice(0, 10)];
    await here.log.append(lease, { firstSeq: lastSeq + 1, events, floorSeq: lastSeq + 1 });
  }

  async #lease(id: string): Promise<Lease> {
    const lease = (await this.#harness.here.lease.acquire(id)) ?? this.#leases.get(id);
    if (!lease) throw new AppError("overloaded");
    this.#leases.set(id, lease);
    return lease;
  }
}
