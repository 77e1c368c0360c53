// A conversation of three answered messages, whose tests go on to answer and to revise.

import assert from "node:assert/strict";
import type { MessageTurn, RevisionTurn, StoredMessage } from "#app/models/conversation.ts";
import type { Lease } from "#app/services/chatbot/run-lease.ts";
import { messageTurn, openConversation, replyTo } from "./conversation-samples.ts";
import { revisedBy } from "./revision-samples.ts";
import type { Keepers } from "./storage-harness.ts";

interface Exchange {
  readonly turn: MessageTurn;
  readonly reply: StoredMessage;
}

export class Exchanges {
  readonly keepers: Keepers;
  readonly id: string;
  readonly lease: Lease;
  seq = 0;

  constructor(keepers: Keepers, { id, lease }: { id: string; lease: Lease }) {
    this.keepers = keepers;
    this.id = id;
    this.lease = lease;
  }

  async exchange(text: string): Promise<Exchange> {
    const turn = messageTurn(text);
    await this.keepers.store.accept(this.id, turn);
    return { turn, reply: await this.answer(turn) };
  }

  async answer(turn: MessageTurn): Promise<StoredMessage> {
    const { store } = this.keepers;
    const reply = replyTo(turn, `to ${turn.message.content}`);
    await store.record(this.lease, { type: "run-started", runId: turn.runId });
    this.seq += 5;
    await store.record(this.lease, { type: "run-finished", runId: turn.runId, reply, seq: this.seq });
    return reply;
  }

  /** Accepts and applies a revision; hands back the turn that stands in its place. */
  async apply(turn: RevisionTurn): Promise<MessageTurn> {
    await this.keepers.store.accept(this.id, turn);
    return this.record(turn);
  }

  async record(turn: RevisionTurn): Promise<MessageTurn> {
    const messages = await this.stored();
    const index = messages.findIndex(({ id }) => id === turn.messageId);
    const removed = index < 0 ? [] : messages.slice(index + 1).map(({ id }) => id);
    this.seq += 1;
    const change = revisedBy(turn, removed, this.seq, messages[index]?.runId);
    await this.keepers.store.record(this.lease, change);
    return change.by;
  }

  async stored(): Promise<readonly StoredMessage[]> {
    return (await this.keepers.store.page(this.id, { limit: 100 })).messages;
  }
}

export async function startExchanges(keepers: Keepers, ...texts: string[]) {
  const talk = new Exchanges(keepers, await openConversation(keepers));
  const exchanges: Exchange[] = [];
  for (const text of texts) exchanges.push(await talk.exchange(text));
  const [a, b, c] = exchanges;
  assert.ok(a && b && c);
  return { talk, a, b, c, all: exchanges.flatMap(({ turn, reply }) => [turn.message, reply]) };
}
