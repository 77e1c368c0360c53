// A visitor whose client does what the protocol asks of one: comes back after a close that allows it, with its position;
// sends again, under the same id, what was not accepted; tries again where it is told to. It takes whatever the page
// allows a server to answer, notes when it heard anything at all, and throws (see `assertSound`) at what it forbids.

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { isTerminal, ownPair, Talk } from "../support/conversation.ts";
import { type Frame, openSocket } from "../support/socket-client.ts";
import { readHistory } from "./history.ts";
import type { Instance } from "./instance.ts";
import { leakWatch } from "./leaks.ts";
import type { Meanings } from "./meanings.ts";

const COME_BACK_MS = 250;
const RETRY_MS = 1_000;
/** From here on a close code says: do not come back by yourself. */
const FINAL_CODES = 4_500;

const joinedSchema = z.object({ epoch: z.string(), recovered: z.boolean().optional() });
const errorSchema = z.object({
  code: z.string(),
  retryable: z.boolean(),
  retryAfterMs: z.number().optional(),
  commandId: z.string().optional(),
});
const startSchema = z.object({ input: z.object({ messages: z.tuple([z.object({ id: z.string() })]) }) });
const snapshotSchema = z.object({
  metadata: z.object({ seq: z.int() }),
  messages: z.array(z.object({ id: z.string(), role: z.string(), content: z.string() })),
});

/** One run, as this visitor has read it. */
export interface ReadRun {
  readonly messageId: string;
  text: string;
  outcome: string | undefined;
}

export class Visitor {
  readonly key = ownPair();
  readonly runs = new Map<unknown, ReadRun>();
  /** What it was told beside events, in words, for the report: `joined`, refusals, closes. */
  readonly told: string[] = [];
  /** When it heard anything, Date.now(). */
  readonly heardAt: number[] = [];
  readonly accepted = new Set<string>();
  /** Its conversation is not there any more: it was told so. */
  isGone = false;
  /** When it last heard of a run's end, or that its conversation is not there, Date.now(). */
  lastTold: number | undefined;
  readonly #instance: Instance;
  readonly #meanings: Meanings;
  readonly #wishes = new Map<string, string>();
  readonly #visit: Promise<void>;
  #talk: Talk | undefined;
  #isJoined = false;
  #hasLeft = false;
  #epoch: string | undefined;
  #position = 0;
  /** What is being said now belongs to it. */
  #running: ReadRun | undefined;
  #broken: unknown;

  constructor(instance: Instance, meanings: Meanings, beside?: Visitor) {
    if (beside) this.key = beside.key;
    this.#instance = instance;
    this.#meanings = meanings;
    leakWatch.guard(this.key);
    this.#visit = this.#stay().catch((error: unknown) => {
      this.#broken ??= error;
    });
  }

  get isJoined(): boolean {
    return this.#isJoined;
  }

  /** Says it until it is accepted. */
  say(text: string, id: string): void {
    this.#wishes.set(id, text);
    this.#ask(id);
  }

  runOf(messageId: string): ReadRun | undefined {
    return [...this.runs.values()].findLast((run) => run.messageId === messageId);
  }

  /** The finished history, in order; undefined where the conversation is not there any more. */
  history(): Promise<readonly string[] | undefined> {
    return readHistory(() => openSocket(this.#instance.socketUrl), this.key);
  }

  /** The longest time between two things it heard, from `since` to `until`, both Date.now(). */
  longestSilence(since: number, until: number): number {
    const times = [since, ...this.heardAt.filter((at) => at > since && at < until), until];
    return Math.max(...times.slice(1).map((at, index) => at - (times[index] ?? at)));
  }

  /** Throws what was wrong with anything it was sent. */
  assertSound(): void {
    if (this.#broken !== undefined) throw this.#broken;
  }

  async leave(): Promise<void> {
    this.#hasLeft = true;
    this.#talk?.client.terminate();
    await this.#visit;
  }

  async #stay(): Promise<void> {
    while (!this.#hasLeft && !this.isGone) {
      const client = await openSocket(this.#instance.socketUrl).catch(() => undefined);
      // It has left while the door was being opened: nobody would close it any more.
      if (this.#hasLeft) client?.terminate();
      else if (client) {
        this.#talk = new Talk(client);
        this.#join();
        // Ends when the socket does.
        await this.#listen(this.#talk);
        const { code } = await client.closed;
        this.#isJoined = false;
        if (this.#hasLeft) return;
        this.#hear(`closed ${code}`);
        assert.ok(code < FINAL_CODES, `told not to come back: ${code}`);
      }
      await pause(COME_BACK_MS);
    }
  }

  async #listen({ client }: Talk): Promise<void> {
    for (;;) {
      const frame = await client.next(undefined, 600_000).catch(() => undefined);
      if (!frame) return;
      this.heardAt.push(Date.now());
      try {
        leakWatch.assertFrame(JSON.stringify(frame), this.key.conversationId);
        this.#take(frame);
      } catch (error) {
        this.#broken ??= error;
      }
    }
  }

  #join(): void {
    const position =
      this.#epoch === undefined ? { create: true } : { epoch: this.#epoch, after: this.#position };
    this.#talk?.client.send({ type: "join", ...this.key, ...position, commandId: "join" });
  }

  #ask(id: string): void {
    if (!this.#isJoined) return;
    this.#talk?.client.send({ type: "message", text: this.#wishes.get(id), id, commandId: id });
  }

  #take(frame: Frame): void {
    if (typeof frame.seq === "number") this.#read(frame);
    else if (frame.type === "MESSAGES_SNAPSHOT") this.#look(snapshotSchema.parse(frame));
    else if (frame.name === "joined") this.#enter(joinedSchema.parse(frame.value));
    else if (frame.name === "accepted") {
      const { messageId } = z.object({ messageId: z.string() }).parse(frame.value);
      this.accepted.add(messageId);
      this.#wishes.delete(messageId);
    } else if (frame.name === "error") this.#retry(errorSchema.parse(frame.value));
  }

  /** A snapshot names the position, and shows answers whose runs were missed. */
  #look({ metadata, messages }: z.output<typeof snapshotSchema>): void {
    this.#position = metadata.seq;
    for (const [index, { id, role }] of messages.entries()) {
      const next = messages[index + 1];
      if (role === "user" && next?.role === "assistant")
        this.runs.set(`shown ${id}`, { messageId: id, text: next.content, outcome: "success" });
    }
  }

  /** In another life of the log numbering goes on, unless a snapshot says where it stands. */
  #enter({ epoch, recovered }: z.output<typeof joinedSchema>): void {
    const isNew = epoch !== this.#epoch;
    this.#hear(
      `joined${isNew ? " a new epoch" : ""}${recovered === undefined ? "" : ` recovered ${recovered}`}`,
    );
    this.#epoch = epoch;
    this.#isJoined = true;
    for (const id of this.#wishes.keys()) this.#ask(id);
  }

  #retry({ code, retryable, retryAfterMs, commandId }: z.output<typeof errorSchema>): void {
    this.#hear(`${commandId === "join" ? "join" : "message"}: ${code}`);
    if (code === "conversation_not_found") {
      this.isGone = true;
      this.lastTold = Date.now();
      this.#talk?.client.terminate();
      return;
    }
    assert.ok(retryable, `refused for good: ${code}`);
    const talk = this.#talk;
    void pause(retryAfterMs ?? RETRY_MS).then(() => {
      if (this.#hasLeft || talk !== this.#talk) return;
      if (commandId === "join") this.#join();
      else if (commandId !== undefined && this.#wishes.has(commandId)) this.#ask(commandId);
    });
  }

  #read(frame: Frame): void {
    this.#meanings.note(this.key.conversationId, this.#epoch ?? "", frame);
    assert.equal(frame.seq, this.#position + 1, `after ${this.#position} came ${JSON.stringify(frame)}`);
    this.#position += 1;
    if (frame.type === "RUN_STARTED") {
      const messageId = startSchema.parse(frame).input.messages[0].id;
      this.#running = { messageId, text: "", outcome: undefined };
      // The youngest, also where a snapshot has begun it anew.
      this.runs.delete(frame.runId);
      this.runs.set(frame.runId, this.#running);
      return;
    }
    const run = isTerminal(frame) ? this.runs.get(frame.runId) : this.#running;
    if (frame.type === "TEXT_MESSAGE_CONTENT" && run) run.text += String(frame.delta);
    if (!isTerminal(frame) || !run) return;
    this.lastTold = Date.now();
    run.outcome = z.object({ type: z.string() }).safeParse(frame.outcome).data?.type ?? String(frame.code);
  }

  /** Notes it once where it is said again and again. */
  #hear(what: string): void {
    this.heardAt.push(Date.now());
    if (this.told.at(-1) !== what) this.told.push(what);
  }
}
