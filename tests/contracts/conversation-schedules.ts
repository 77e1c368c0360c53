// Whatever happens to a conversation in whatever order, every accepted message stands once, in line or in the history,
// and in order: random schedules against a model, for every ConversationStore.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { toAppError } from "#app/core/errors.ts";
import type {
  ConversationChange,
  MessageTurn,
  PersonaTurn,
  StoredMessage,
} from "#app/models/conversation.ts";
import { MAX_WAITING } from "#app/services/chatbot/memory.ts";
import type { Lease } from "#app/services/chatbot/run-lease.ts";
import { messageTurn, openConversation, personaTurn, replyTo, takeLease } from "./conversation-samples.ts";
import { type CreateStorageHarness, type StorageHarness, TEST_WINDOW } from "./storage-harness.ts";

const RUNS = 100;

type Step =
  | { readonly type: "say"; readonly id: number; readonly text: string }
  | { readonly type: "choose" | "start" | "change" | "repeat" | "take-over" }
  | { readonly type: "finish"; readonly reply: boolean }
  | { readonly type: "cancel"; readonly what: number | "all" | "running" };

const say = fc.record({
  type: fc.constant("say" as const),
  id: fc.nat(9),
  text: fc.constantFrom("a", "b"),
});
const simple = fc.record({
  type: fc.constantFrom<"choose" | "start" | "change" | "repeat" | "take-over">(
    "choose",
    "start",
    "change",
    "repeat",
    "take-over",
  ),
});
const finish = fc.record({ type: fc.constant("finish" as const), reply: fc.boolean() });
const cancel = fc.record({
  type: fc.constant("cancel" as const),
  what: fc.constantFrom<number | "all" | "running">("all", "running", 0, 1, 4),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: say },
  { weight: 4, arbitrary: finish },
  { weight: 5, arbitrary: simple },
  { weight: 2, arbitrary: cancel },
);

export function describeConversationSchedules(createHarness: CreateStorageHarness): void {
  describe("under any schedule", () => {
    it("keeps every accepted message once, in order, in line or in the history", async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
          await using harness = await createHarness(TEST_WINDOW);
          const schedule = new Schedule(harness, await openConversation(harness.here));
          for (const next of steps) {
            await schedule.take(next);
            await schedule.check();
          }
        }),
        { numRuns: RUNS },
      );
    });

    it("loses and doubles nothing when everything comes at once", async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(fc.nat(7), { minLength: 2, maxLength: 30 }), async (ids) => {
          await using harness = await createHarness(TEST_WINDOW);
          await rush(harness, ids);
        }),
        { numRuns: RUNS },
      );
    });
  });
}

/** Two instances accept the same few ids while the holder of the lease answers whatever stands first. */
async function rush({ here, there }: StorageHarness, ids: readonly number[]): Promise<void> {
  const { id, lease } = await openConversation(here);
  const stored = new Set<string>();
  const sent = ids.map(async (number, index) => {
    const turn = messageTurn("text", `m${number}`);
    try {
      await (index % 2 ? here : there).store.accept(id, turn);
      stored.add(turn.message.id);
    } catch (error) {
      assert.equal(toAppError(error).code, "queue_full");
    }
  });
  const answer = async (seq: number) => {
    const [first] = (await here.store.page(id, { limit: 0 })).conversation.line;
    if (first?.type !== "message") return;
    await here.store.record(lease, { type: "run-started", runId: first.runId });
    await there.store.record(lease, {
      type: "run-finished",
      runId: first.runId,
      reply: replyTo(first, "r"),
      seq,
    });
  };
  for (const seq of [1, 2, 3]) await answer(seq);
  await Promise.all(sent);
  const { conversation, messages } = await here.store.page(id, { limit: 100 });
  const asked = messages.filter(({ role }) => role === "user").map((message) => message.id);
  const waiting = conversation.line.flatMap((turn) => (turn.type === "message" ? [turn.message.id] : []));
  assert.deepEqual([...asked, ...waiting].toSorted(), [...stored].toSorted());
  assert.equal(messages.length, asked.length * 2);
}

/** Takes steps against a store, and knows what must stand there after each. */
class Schedule {
  readonly #harness: StorageHarness;
  readonly #id: string;
  #lease: Lease;
  #seq = 0;
  #persona: { readonly kind: string; readonly id: string } = { kind: "persona", id: "ada" };
  #runningId: string | undefined;
  #choice: PersonaTurn | undefined;
  #waiting: MessageTurn[] = [];
  #lastChange: ConversationChange | undefined;
  readonly #accepted = new Map<string, MessageTurn>();
  readonly #history: StoredMessage[] = [];

  constructor(harness: StorageHarness, { id, lease }: { id: string; lease: Lease }) {
    this.#harness = harness;
    this.#id = id;
    this.#lease = lease;
  }

  async take(next: Step): Promise<void> {
    switch (next.type) {
      case "say":
        return this.#say(next);
      case "choose":
        this.#choice = personaTurn(`choice-${this.#seq}`);
        await this.#harness.there.store.accept(this.#id, this.#choice);
        return;
      case "start":
        return this.#start();
      case "finish":
        return this.#finish(next.reply);
      case "change":
        return this.#change();
      case "repeat":
        return this.#lastChange && this.#harness.here.store.record(this.#lease, this.#lastChange);
      case "take-over":
        return this.#takeOver();
      case "cancel":
        return this.#cancel(next.what);
      default:
        next satisfies never;
    }
  }

  async check(): Promise<void> {
    const { conversation, messages } = await this.#harness.there.store.page(this.#id, { limit: 1_000 });
    const running = this.#waiting.filter(({ runId }) => runId === this.#runningId);
    const others = this.#waiting.filter(({ runId }) => runId !== this.#runningId);
    const choice = this.#choice ? [this.#choice] : [];
    assert.deepEqual(conversation.line, [...running, ...choice, ...others]);
    assert.deepEqual(messages, this.#history);
    assert.equal(conversation.runningId, this.#runningId);
    assert.deepEqual(conversation.persona, this.#persona);
    assert.equal(conversation.seq, this.#seq);
  }

  async #say({ id, text }: { readonly id: number; readonly text: string }): Promise<void> {
    const turn = messageTurn(text, `m${id}`);
    const known = this.#accepted.get(turn.message.id);
    const answer = await this.#harness.here.store
      .accept(this.#id, turn)
      .catch((error: unknown) => toAppError(error).code);
    if (known) {
      if (known.message.content !== text) assert.equal(answer, "id_conflict");
      else assert.ok(typeof answer === "object" && answer.duplicate && answer.runId === known.runId);
    } else if (this.#waiting.length > MAX_WAITING) assert.equal(answer, "queue_full");
    else {
      const position = this.#waiting.length + (this.#choice ? 1 : 0);
      assert.deepEqual(answer, { runId: turn.runId, state: "waiting", position, duplicate: false });
      this.#accepted.set(turn.message.id, turn);
      this.#waiting.push(turn);
    }
  }

  async #start(): Promise<void> {
    const [first] = this.#waiting;
    if (!first) return;
    await this.#record({ type: "run-started", runId: first.runId });
    this.#runningId = first.runId;
  }

  async #finish(withReply: boolean): Promise<void> {
    const turn = this.#waiting.shift();
    if (!turn) return;
    const reply = withReply ? replyTo(turn, "reply") : undefined;
    this.#seq += 2;
    await this.#record({ type: "run-finished", runId: turn.runId, ...(reply && { reply }), seq: this.#seq });
    this.#runningId = undefined;
    this.#history.push(turn.message, ...(reply ? [reply] : []));
  }

  async #change(): Promise<void> {
    const choice = this.#choice;
    if (!choice) return;
    this.#seq += 1;
    this.#choice = undefined;
    this.#persona = choice.persona;
    await this.#record({
      type: "persona-changed",
      turnId: choice.turnId,
      persona: choice.persona,
      seq: this.#seq,
    });
  }

  async #record(change: ConversationChange): Promise<void> {
    this.#lastChange = change;
    await this.#harness.here.store.record(this.#lease, change);
  }

  async #takeOver(): Promise<void> {
    await this.#harness.lapseLease(this.#id);
    const old = this.#lease;
    this.#lease = await takeLease(this.#harness.there, this.#id);
    const runId = this.#waiting[0]?.runId ?? "none";
    const late = this.#harness.here.store.record(old, { type: "run-finished", runId, seq: 1_000 });
    await assert.rejects(late, { code: "run_interrupted" });
  }

  async #cancel(what: number | "all" | "running"): Promise<void> {
    const picked = typeof what === "number" ? (this.#waiting[what]?.runId ?? "unknown") : undefined;
    const meant = (turn: MessageTurn): boolean => {
      if (turn.cancelled) return false;
      if (picked !== undefined) return turn.runId === picked;
      return what === "all" || turn.runId === this.#runningId;
    };
    const found = this.#waiting.filter(meant).map(({ runId }) => runId);
    this.#waiting = this.#waiting.map((turn) => (meant(turn) ? { ...turn, cancelled: true } : turn));
    const scope = what === "running" ? what : "all";
    assert.deepEqual(await this.#harness.there.store.cancel(this.#id, picked, scope), {
      running: found.find((runId) => runId === this.#runningId),
      waiting: found.filter((runId) => runId !== this.#runningId),
    });
  }
}
