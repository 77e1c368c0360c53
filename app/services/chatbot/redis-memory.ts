// The conversation store of the Redis bundle: every method is one script, and so atomic for all instances.

import { z } from "zod";
import type { RedisConnection } from "#app/core/redis.ts";
import type {
  Amendment,
  Conversation,
  ConversationChange,
  ConversationPage,
  MessageTurn,
  NewConversation,
  RevisionTurn,
  Turn,
} from "#app/models/conversation.ts";
import { ERASED_FRAME } from "#app/models/server-event.ts";
import { editMarkOf } from "./edit-mark.ts";
import { type Acceptance, type Cancellation, type ConversationStore, MAX_WAITING } from "./memory.ts";
import { ERASE } from "./redis-erase-script.ts";
import { type ConversationScript, keysOf } from "./redis-keys.ts";
import { PERSONA_CHANGED, RUN_FINISHED, RUN_REPLACED, RUN_STARTED } from "./redis-record-scripts.ts";
import { checked, decodeConversation, decodePage, encodeFixed, encodeTurn } from "./redis-records.ts";
import { ACCEPT_REVISION, AMEND, REVISED } from "./redis-revision-scripts.ts";
import { RedisRunHints } from "./redis-run-hints.ts";
import { ACCEPT_MESSAGE, ACCEPT_PERSONA, CANCEL, CREATE, PAGE } from "./redis-store-scripts.ts";
import type { Lease } from "./run-lease.ts";
import { digestOf } from "./text-digest.ts";

export interface RedisKeeperOptions {
  readonly connection: RedisConnection;
  /** Who asks: another instance that holds a conversation's lease is woken, this one is not. */
  readonly instanceId: string;
  /** A conversation nobody touched for so long is gone. */
  readonly conversationTtlMs: number;
}

const createdSchema = z.tuple([z.number(), z.unknown()]);
const acceptanceSchema = z.tuple([
  z.string(),
  z.enum(["waiting", "running", "finished"]),
  z.number(),
  z.number(),
]);
const cancellationSchema = z.tuple([z.string().nullish(), z.array(z.string())]);

export class RedisConversationStore implements ConversationStore {
  readonly #connection: RedisConnection;
  readonly #instanceId: string;
  readonly #ttlMs: string;
  readonly #runs: RedisRunHints;

  constructor(options: RedisKeeperOptions) {
    this.#runs = new RedisRunHints(options.connection);
    this.#connection = options.connection;
    this.#instanceId = options.instanceId;
    this.#ttlMs = String(options.conversationTtlMs);
  }

  async create(wish: NewConversation): Promise<{ conversation: Conversation; created: boolean }> {
    const args = [this.#ttlMs, wish.tokenHash, encodeFixed(wish), JSON.stringify(wish.persona)];
    const [created, described] = checked(createdSchema, await this.#run(CREATE, wish.id, args));
    return { conversation: decodeConversation(wish.id, described), created: created === 1 };
  }

  async accept(conversationId: string, turn: Turn): Promise<Acceptance> {
    // On its way before the message is stored: if this instance dies in between, another one looks in vain; the other
    // way round nobody would ever look.
    void this.#runs.expect(conversationId);
    const sender = [this.#ttlMs, this.#instanceId, conversationId];
    if (turn.type !== "persona") return this.#acceptQuestion(conversationId, turn, sender);
    const reply = await this.#run(ACCEPT_PERSONA, conversationId, [...sender, encodeTurn(turn)]);
    return { runId: turn.turnId, state: "waiting", position: checked(z.number(), reply), duplicate: false };
  }

  async cancel(
    conversationId: string,
    runId: string | undefined,
    scope: "all" | "running",
  ): Promise<Cancellation> {
    const args = [this.#instanceId, conversationId, runId ?? "", scope];
    const [running, waiting] = checked(cancellationSchema, await this.#run(CANCEL, conversationId, args));
    return { running: running ?? undefined, waiting };
  }

  async record(lease: Lease, change: ConversationChange): Promise<void> {
    const id = lease.conversationId;
    const fence = [this.#ttlMs, String(lease.generation)];
    switch (change.type) {
      case "run-started":
        await this.#run(RUN_STARTED, id, [...fence, change.runId]);
        return;
      case "run-finished": {
        const { runId, seq, reply } = change;
        const said = reply ? [reply.id, JSON.stringify(reply)] : ["", ""];
        await this.#run(RUN_FINISHED, id, [...fence, runId, String(seq), ...said]);
        return;
      }
      case "run-replaced": {
        const { runId, seq, by } = change;
        await this.#run(RUN_REPLACED, id, [...fence, runId, String(seq), by.runId, encodeTurn(by)]);
        return;
      }
      case "revised": {
        const { runId, seq, by, removed } = change;
        await this.#run(REVISED, id, [
          ...fence,
          runId,
          String(seq),
          encodeTurn(by),
          by.message.id,
          ...removed,
        ]);
        return;
      }
      case "persona-changed": {
        const { turnId, persona, seq } = change;
        await this.#run(PERSONA_CHANGED, id, [...fence, turnId, JSON.stringify(persona), String(seq)]);
        return;
      }
      default:
        change satisfies never;
    }
  }

  async amend(id: string, amendment: Amendment): Promise<void> {
    if (amendment.type === "feedback") {
      const { messageId, feedback } = amendment;
      await this.#run(AMEND, id, [this.#ttlMs, messageId, JSON.stringify(feedback)]);
      return;
    }
    await this.#run(ERASE, id, [amendment.tokenHash, id, ERASED_FRAME]);
    void this.#runs.released(id, true);
  }

  async page(
    conversationId: string,
    { before, limit }: { before?: string | undefined; limit: number },
  ): Promise<ConversationPage> {
    const args = [String(limit), before === undefined ? "0" : "1", before ?? ""];
    return decodePage(conversationId, await this.#run(PAGE, conversationId, args));
  }

  async #acceptQuestion(
    conversationId: string,
    turn: MessageTurn | RevisionTurn,
    sender: readonly string[],
  ): Promise<Acceptance> {
    const [script, id, digest] =
      turn.type === "message"
        ? [ACCEPT_MESSAGE, turn.message.id, digestOf(turn.message.content)]
        : [ACCEPT_REVISION, turn.messageId, turn.isEdit ? digestOf(turn.text) : ""];
    // One is being answered, or about to be; the others wait.
    const mark = (turn.type === "revision" && editMarkOf(turn)) || "";
    const args = [...sender, id, digest, turn.runId, encodeTurn(turn), String(MAX_WAITING + 1), mark];
    const reply = await this.#run(script, conversationId, args);
    // Once more: whoever ended the run before this one may have taken the first hint for its own.
    void this.#runs.expect(conversationId);
    const [firstRunId, state, position, known] = checked(acceptanceSchema, reply);
    return { runId: firstRunId, state, position, duplicate: known === 1 };
  }

  #run(script: ConversationScript, conversationId: string, args: readonly string[]): Promise<unknown> {
    return this.#connection.run(script, keysOf(script, conversationId), args);
  }
}
