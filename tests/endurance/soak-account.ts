// The account of a soak: what became of each accepted message, and whose words answered it.
// Promises: a message that is neither answered nor ended explicitly is lost; one that two whole answers came for is
// repeated; numbered events keep the wire's invariants between two snapshots. Keeps figures and no texts.

import assert from "node:assert/strict";
import { z } from "zod";
import { Meanings } from "../faults/meanings.ts";
import type { Visitor } from "../faults/visitor.ts";
import { type Order, replyTo } from "../faults/wordy-provider.ts";
import type { Frame } from "../support/socket-client.ts";
import { assertWireInvariants } from "../support/wire-invariants.ts";

/** Everything that one tab of one conversation was told by number. */
export class HeardEvents extends Meanings {
  readonly frames: Frame[] = [];

  override note(conversationId: string, epoch: string, frame: Frame): void {
    super.note(conversationId, epoch, frame);
    this.frames.push(frame);
  }

  /** A snapshot lets numbers be left out: what it stands for begins anew. */
  assertSound(): void {
    const starts = this.frames.flatMap(({ seq }, index) =>
      index > 0 && seq === Number(this.frames[index - 1]?.seq) + 1 ? [] : [index],
    );
    for (const [at, start] of starts.entries())
      assertWireInvariants(this.frames.slice(start, starts[at + 1]));
  }

  /** Whose words each message's whole answers were. */
  sources(): ReadonlyMap<string, readonly string[]> {
    const sources = new Map<string, string[]>();
    let messageId = "";
    let source = "none";
    for (const frame of this.frames) {
      if (frame.type === "RUN_STARTED") messageId = startSchema.parse(frame).input.messages[0].id;
      if (frame.type === "TEXT_MESSAGE_END") source = sourceSchema.parse(frame.metadata).source;
      if (frame.type === "RUN_FINISHED") sources.set(messageId, [...(sources.get(messageId) ?? []), source]);
    }
    return sources;
  }
}

export const isQuestion = (content: string): boolean => content.startsWith("Order ");

const startSchema = z.object({ input: z.object({ messages: z.tuple([z.object({ id: z.string() })]) }) });
const sourceSchema = z.object({ source: z.string() });

export class SoakAccount {
  readonly conversations = { held: 0, reopened: 0, gone: 0 };
  accepted = 0;
  lost = 0;
  repeated = 0;
  /** Runs that began, repeats after an interruption included. */
  started = 0;
  readonly finishedBy = new Map<string, number>();
  readonly failedWith = new Map<string, number>();
  /** The first few things that were wrong, in words. */
  readonly faults: string[] = [];

  /** Takes one conversation's story, whose tab has left. */
  settle(
    visitor: Visitor,
    heard: HeardEvents,
    orders: readonly Order[],
    history: readonly string[] | undefined,
  ): void {
    this.conversations.held += 1;
    if (visitor.isGone) this.conversations.gone += 1;
    if (visitor.told.some((what) => what.startsWith("closed"))) this.conversations.reopened += 1;
    this.started += [...visitor.runs.keys()].filter((id) => !String(id).startsWith("shown")).length;
    this.note(visitor, () => visitor.assertSound());
    this.note(visitor, () => heard.assertSound());
    const sources = heard.sources();
    for (const order of orders) this.#judge(visitor, order, sources.get(order.name) ?? []);
    if (history === undefined) return;
    const questions = history.filter(isQuestion);
    this.note(visitor, () =>
      assert.equal(new Set(questions).size, questions.length, "a message stands twice"),
    );
    const kept = orders.filter(({ name }) => visitor.accepted.has(name)).length;
    this.note(visitor, () =>
      assert.equal(questions.length, kept, "an accepted message is not in the history"),
    );
  }

  /** Notes what is wrong, and goes on. */
  note(visitor: Visitor, check: () => void): void {
    try {
      check();
    } catch (error) {
      if (this.faults.length < 20)
        this.faults.push(`${String(error).slice(0, 600)}; told: ${visitor.told.join(", ")}`);
    }
  }

  lines(): string[] {
    const list = (counts: ReadonlyMap<string, number>): string =>
      [...counts]
        .map(([name, count]) => `${name} ${count}`)
        .toSorted()
        .join(", ") || "none";
    const { held, reopened, gone } = this.conversations;
    return [
      `conversations ${held}, of which came back after a close ${reopened}, gone ${gone}`,
      `messages accepted ${this.accepted}, replies started ${this.started}, lost ${this.lost}, repeated ${this.repeated}`,
      `finished by source: ${list(this.finishedBy)}`,
      `ended explicitly: ${list(this.failedWith)}`,
    ];
  }

  #judge(visitor: Visitor, order: Order, sources: readonly string[]): void {
    const { name } = order;
    if (!visitor.accepted.has(name)) return;
    this.accepted += 1;
    if (sources.length > 1) this.repeated += 1;
    const run = visitor.runOf(name);
    const outcome = run?.outcome ?? (visitor.isGone ? "conversation_not_found" : undefined);
    if (run === undefined || outcome === undefined) {
      this.lost += 1;
      this.note(visitor, () => assert.fail(`${name} was neither answered nor ended`));
    } else if (outcome === "success") {
      const source = sources.at(-1) ?? "seen in a snapshot";
      this.finishedBy.set(source, (this.finishedBy.get(source) ?? 0) + 1);
      const isModel = source === "model" || source === "fallback-model";
      if (isModel) this.note(visitor, () => assert.equal(run.text, replyTo(order), `the text of ${source}`));
    } else this.failedWith.set(outcome, (this.failedWith.get(outcome) ?? 0) + 1);
  }
}
