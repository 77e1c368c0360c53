// A visitor's tab: one conversation, read over one connection after the other, each of which goes on where the last
// one ended.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { ownPair, Talk } from "../support/conversation.ts";
import { openSocket, type SocketClient } from "../support/socket-client.ts";
import { until } from "../support/until.ts";
import { assertWireInvariants } from "../support/wire-invariants.ts";
import type { Instance } from "./instance.ts";
import { leakWatch } from "./leaks.ts";
import { Story } from "./story.ts";

const joinedSchema = z.object({ epoch: z.string(), recovered: z.boolean().optional() });
const acceptedSchema = z.object({ runId: z.string(), state: z.string(), duplicate: z.boolean().optional() });
const refusalSchema = z.object({ retryable: z.literal(true), retryAfterMs: z.number().optional() });
const ATTEMPTS = 5;
const RETRY_UNTOLD_MS = 1_000;

/** An instance, or what stands before several. */
type Address = Pick<Instance, "socketUrl">;

export class Tab {
  /** How often it was told to try again. */
  refusals = 0;
  /** The log went on in another life while it was away; with the same numbers, which the story proves. */
  cameToAnotherLife = false;
  readonly #pair: ReturnType<typeof ownPair>;
  readonly #story = new Story();
  #epoch = "";
  #talk: Talk;
  /** Frames of the connection that stand in the story already. */
  #read = 0;

  private constructor(pair: ReturnType<typeof ownPair>, talk: Talk) {
    this.#pair = pair;
    this.#talk = talk;
    leakWatch.guard(pair);
  }

  /** A tab on a new conversation, or on one that has just begun in another tab. */
  static async open(instance: Address, beside?: Tab): Promise<Tab> {
    const tab = new Tab(beside ? beside.#pair : ownPair(), await connect(instance));
    const joined = await tab.#command("joined", { type: "join", ...tab.#pair, create: beside === undefined });
    tab.#epoch = joinedSchema.parse(joined).epoch;
    return tab;
  }

  get client(): SocketClient {
    return this.#talk.client;
  }

  /** What it has read until now. */
  get story(): Story {
    const { frames } = this.client;
    for (; this.#read < frames.length; this.#read += 1) {
      const frame = frames[this.#read];
      // The log may go on in another life, in which its numbers go on.
      if (frame?.name === "joined") this.#epoch = joinedSchema.parse(frame.value).epoch;
      if (typeof frame?.seq === "number") this.#story.add(frame);
    }
    return this.#story;
  }

  /** Comes back, on any instance, with its position; the answer must prove that nothing is missing. */
  async comeBack(instance: Address): Promise<void> {
    const after = this.story.position;
    this.#hangUp();
    this.#talk = await connect(instance);
    this.#read = 0;
    const joined = await this.#command("joined", { type: "join", ...this.#pair, epoch: this.#epoch, after });
    const { recovered, epoch } = joinedSchema.parse(joined);
    assert.equal(recovered, true, "its position can be continued");
    if (epoch !== this.#epoch) this.cameToAnotherLife = true;
    this.#epoch = epoch;
  }

  /** Says something; resolves when it was accepted. */
  async say(text: string, messageId: string) {
    return acceptedSchema.parse(await this.#command("accepted", { type: "message", text, id: messageId }));
  }

  /** The finished history, as the server keeps it. */
  async history() {
    return (await this.#talk.history({ limit: 100 })).messages;
  }

  /** Waits until it was told to come back elsewhere. */
  async draining(): Promise<void> {
    await this.#talk.custom("draining");
  }

  async hears(what: string, condition: (story: Story) => boolean, timeoutMs = 30_000): Promise<void> {
    try {
      await until(what, () => condition(this.story), timeoutMs);
    } catch (error) {
      const last = this.story.events.slice(-6).map((frame) => JSON.stringify(frame).slice(0, 160));
      throw new Error(`${what}: not heard; the last events: ${last.join("\n")}`, { cause: error });
    }
  }

  /** Waits until the message has its answer. */
  answered(messageId: string, timeoutMs?: number): Promise<void> {
    return this.hears(`the answer to ${messageId}`, (story) => story.isSettled(messageId), timeoutMs);
  }

  /** What answers it; as the client library does, it tries again where it is told that this helps. */
  async #command(answer: string, frame: object): Promise<unknown> {
    for (let attempt = 1; ; attempt += 1) {
      const commandId = randomUUID();
      this.client.send({ ...frame, commandId });
      const { name, value } = await this.client.next(
        (each) => Object(each.value).commandId === commandId,
        10_000,
      );
      if (name === answer) return value;
      const refusal = refusalSchema.safeParse(value);
      assert.ok(refusal.success && attempt < ATTEMPTS, `${answer}: ${JSON.stringify(value)}`);
      this.refusals += 1;
      await pause(refusal.data.retryAfterMs ?? RETRY_UNTOLD_MS);
    }
  }

  /** Holds the last connection against the wire's invariants, and leaves. */
  close(): void {
    this.#hangUp();
  }

  #hangUp(): void {
    const { frames } = this.client;
    this.client.terminate();
    assertWireInvariants(frames);
    for (const frame of frames) leakWatch.assertFrame(JSON.stringify(frame), this.#pair.conversationId);
  }
}

async function connect(instance: Address): Promise<Talk> {
  return new Talk(await openSocket(instance.socketUrl));
}
