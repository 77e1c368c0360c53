// Revisions among everything else, in whatever order: every ConversationStore answers as the in-memory one does, and
// keeps the same line and the same history. What is right is said one by one in the other suites.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { toAppError } from "#app/core/errors.ts";
import type { ConversationChange } from "#app/models/conversation.ts";
import { createLocalHarness } from "../support/local-harness.ts";
import { messageTurn, newConversation, personaTurn, replyTo } from "./conversation-samples.ts";
import { revisedBy, revisionTurn } from "./revision-samples.ts";
import {
  type CreateStorageHarness,
  type Keepers,
  type StorageHarness,
  TEST_WINDOW,
} from "./storage-harness.ts";

const RUNS = 150;

interface Step {
  readonly do:
    | "say"
    | "edit"
    | "regenerate"
    | "choose"
    | "cancel"
    | "begin"
    | "end"
    | "repeat"
    | "replace"
    | "rate"
    | "look";
  /** Which message or turn is meant. */
  readonly of: number;
  readonly text: string;
}

const step: fc.Arbitrary<Step> = fc.record({
  do: fc.constantFrom(
    ...(["say", "say", "edit", "edit", "regenerate", "choose", "cancel", "begin"] as const),
    ...(["end", "end", "end", "repeat", "replace", "rate", "look"] as const),
  ),
  of: fc.nat(4),
  text: fc.constantFrom("a", "b", "c"),
});

export function describeRevisionSchedules(createHarness: CreateStorageHarness): void {
  describe("revisions under any schedule", () => {
    it("are kept as the in-memory store keeps them, after every step", async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 60, size: "max" }), async (steps) => {
          await using harness = await createHarness(TEST_WINDOW);
          await using model = createLocalHarness();
          const pair = await openPair(model, harness);
          for (const [index, next] of steps.entries()) await pair.take(next, index);
        }),
        { numRuns: RUNS },
      );
    });
  });
}

/** One conversation in both; what is done, is done to both. */
async function openPair(model: StorageHarness, harness: StorageHarness) {
  const wish = newConversation();
  const both = [model.here, harness.here] as const;
  for (const { store } of both) await store.create(wish);
  const leases = await Promise.all(both.map(({ lease }) => lease.acquire(wish.id)));
  let last: ConversationChange | undefined;
  const alike = async (carryOut: (keepers: Keepers) => Promise<unknown>, keepers: Keepers): Promise<void> => {
    const [expected, actual] = await Promise.all(
      [model.here, keepers].map((each) => carryOut(each).catch((error: unknown) => toAppError(error).code)),
    );
    assert.deepEqual(actual, expected);
  };
  const record = async (change: ConversationChange): Promise<void> => {
    last = change;
    for (const [index, { store }] of both.entries()) {
      const lease = leases[index];
      assert.ok(lease);
      await store.record(lease, change);
    }
  };
  const stored = () => model.here.store.page(wish.id, { limit: 1_000 });
  return {
    async take(next: Step, index: number): Promise<void> {
      const visitor = visitorStep(wish.id, next);
      if (visitor) await alike(visitor, index % 2 ? harness.here : harness.there);
      else {
        const { conversation, messages } = await stored();
        const change = next.do === "repeat" ? last : changeOf(next, conversation.line[0], messages, index);
        if (change) await record(change);
      }
      assert.deepEqual(await harness.there.store.page(wish.id, { limit: 1_000 }), await stored());
    },
  };
}

/** What a visitor's step does; undefined where it is one of the producer's. */
function visitorStep(id: string, next: Step): ((keepers: Keepers) => Promise<unknown>) | undefined {
  const messageId = `m${next.of}`;
  switch (next.do) {
    case "say": {
      const turn = messageTurn(next.text, messageId);
      return ({ store }) => store.accept(id, turn);
    }
    case "edit":
    case "regenerate": {
      const turn = revisionTurn(messageId, next.do === "edit" ? next.text : undefined);
      return ({ store }) => store.accept(id, turn);
    }
    case "choose": {
      const turn = personaTurn(next.text);
      return ({ store }) => store.accept(id, turn);
    }
    case "cancel":
      return ({ store }) => store.cancel(id, undefined, next.of % 2 ? "all" : "running");
    case "rate": {
      const feedback = { rating: "up", comment: next.text } as const;
      return ({ store }) => store.amend(id, { type: "feedback", messageId, feedback });
    }
    case "look":
      return ({ store }) => store.page(id, { before: messageId, limit: 3 });
    default:
      return undefined;
  }
}

type Stored = Awaited<ReturnType<Keepers["store"]["page"]>>;

/** What the producer records of the first turn. */
function changeOf(
  next: Step,
  first: Stored["conversation"]["line"][number] | undefined,
  messages: Stored["messages"],
  seq: number,
): ConversationChange | undefined {
  if (first?.type === "persona")
    return { type: "persona-changed", turnId: first.turnId, persona: first.persona, seq };
  if (first?.type === "revision") {
    const index = messages.findIndex(({ id }) => id === first.messageId);
    const removed = index < 0 ? [] : messages.slice(index + 1).map(({ id }) => id);
    return revisedBy(first, removed, seq, messages[index]?.runId);
  }
  if (!first) return undefined;
  const { runId, message } = first;
  if (next.do === "begin") return { type: "run-started", runId };
  if (next.do === "replace") {
    const successor = `${runId}-${seq}`;
    const by = { ...first, runId: successor, message: { ...message, runId: successor, parentRunId: runId } };
    return { type: "run-replaced", runId, by, seq };
  }
  return { type: "run-finished", runId, ...(next.of > 0 && { reply: replyTo(first, next.text) }), seq };
}
