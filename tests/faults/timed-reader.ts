// A connection that notes what it was told and when, for tables of a fault and what its reader saw.
// Promises: holds every number against `Meanings`; throws at a number that does not follow. Does not come back by itself.

import assert from "node:assert/strict";
import { z } from "zod";
import { isTerminal, ownPair } from "../support/conversation.ts";
import type { Frame, SocketClient } from "../support/socket-client.ts";
import { until } from "../support/until.ts";
import { leakWatch } from "./leaks.ts";
import { Meanings } from "./meanings.ts";

const joinedSchema = z.object({
  epoch: z.string(),
  lastSeq: z.int(),
  storage: z.string(),
  recovered: z.boolean().optional(),
});
const snapshotSchema = z.object({ metadata: z.object({ seq: z.int() }) });

/** What it was told beside words, in words. */
interface Told {
  readonly atMs: number;
  readonly what: string;
}

export class TimedReader {
  readonly key: { readonly conversationId: string; readonly resumeToken: string };
  readonly told: Told[] = [];
  /** When events came, performance.now(). */
  readonly eventsAtMs: number[] = [];
  /** Text by run, and how it ended. */
  readonly runs = new Map<unknown, { text: string; outcome: string | undefined }>();
  readonly #meanings: Meanings;
  #client: SocketClient;
  #run: { text: string; outcome: string | undefined } | undefined;
  #epoch = "";
  #position = 0;
  #broken: unknown;

  constructor(
    client: SocketClient,
    key: TimedReader["key"] = ownPair(),
    meanings: Meanings = new Meanings(),
  ) {
    this.#client = client;
    this.key = key;
    this.#meanings = meanings;
    leakWatch.guard(key);
    void this.#listen(client);
  }

  get client(): SocketClient {
    return this.#client;
  }

  get epoch(): string {
    return this.#epoch;
  }

  get position(): number {
    return this.#position;
  }

  /** The text of the run that began last. */
  get text(): string {
    return this.#run?.text ?? "";
  }

  get outcome(): string | undefined {
    return this.#run?.outcome;
  }

  join(more: object = {}): void {
    this.client.send({ type: "join", ...this.key, ...more });
  }

  /** After its connection was closed: goes on over another one, from its position. */
  comeBack(client: SocketClient): void {
    this.#client = client;
    void this.#listen(client);
    this.join({ epoch: this.#epoch, after: this.#position });
  }

  say(text: string, id: string): void {
    this.client.send({ type: "message", text, id, commandId: id });
  }

  /** Waits until it is told that, at or after `sinceMs`; returns after how long. */
  async hears(what: string, sinceMs: number, timeoutMs = 20_000): Promise<number> {
    const find = () => this.told.find((each) => each.atMs >= sinceMs && each.what === what);
    await until(what, () => find() !== undefined || this.#broken !== undefined, timeoutMs).catch(
      (cause: unknown) => {
        throw new Error(`not told: ${what}; but ${this.account(sinceMs)}`, { cause });
      },
    );
    this.assertSound();
    return Math.round((find()?.atMs ?? Number.NaN) - sinceMs);
  }

  /** Milliseconds until the next event came after `sinceMs`; undefined while none has. */
  nextEventAfter(sinceMs: number): number | undefined {
    const at = this.eventsAtMs.find((eventAt) => eventAt > sinceMs);
    return at === undefined ? undefined : Math.round(at - sinceMs);
  }

  /** The longest time without an event from `sinceMs` until the last one. */
  longestPause(sinceMs: number): number {
    const times = [sinceMs, ...this.eventsAtMs.filter((at) => at > sinceMs)];
    return Math.round(Math.max(0, ...times.slice(1).map((at, index) => at - (times[index] ?? at))));
  }

  /** What it was told since, each with its milliseconds; what was said several times in a row, once. */
  account(sinceMs: number): string {
    const since = this.told.filter(({ atMs }) => atMs >= sinceMs);
    const news = since.filter(({ what }, index) => what !== since[index - 1]?.what);
    return news.map(({ atMs, what }) => `${what} (${Math.round(atMs - sinceMs)} ms)`).join(", ");
  }

  /** Throws what was wrong with anything it was sent. */
  assertSound(): void {
    if (this.#broken !== undefined) throw this.#broken;
  }

  async #listen(client: SocketClient): Promise<void> {
    for (;;) {
      const frame = await client.next(undefined, 600_000).catch(() => undefined);
      if (!frame) break;
      try {
        leakWatch.assertFrame(JSON.stringify(frame), this.key.conversationId);
        this.#take(frame, performance.now());
      } catch (error) {
        this.#broken ??= error;
      }
    }
    const { code } = await client.closed;
    this.told.push({ atMs: performance.now(), what: `closed ${code}` });
  }

  #take(frame: Frame, atMs: number): void {
    const tell = (what: string): void => void this.told.push({ atMs, what });
    if (typeof frame.seq === "number") {
      this.eventsAtMs.push(atMs);
      this.#read(frame, tell);
    } else if (frame.name === "joined") {
      const { epoch, lastSeq, storage, recovered } = joinedSchema.parse(frame.value);
      tell(`joined ${storage}${recovered === undefined ? "" : ` recovered ${recovered}`}`);
      this.#epoch = epoch;
      if (this.#position === 0) this.#position = lastSeq;
    } else if (frame.type === "MESSAGES_SNAPSHOT") {
      this.#position = snapshotSchema.parse(frame).metadata.seq;
      tell("snapshot");
    } else if (frame.name === "error") tell(`error ${String(Object(frame.value).code)}`);
    else if (frame.name === "accepted") tell("accepted");
  }

  #read(frame: Frame, tell: (what: string) => void): void {
    this.#meanings.note(this.key.conversationId, this.#epoch, frame);
    assert.equal(frame.seq, this.#position + 1, `after ${this.#position} came ${JSON.stringify(frame)}`);
    this.#position += 1;
    if (frame.type === "RUN_STARTED") {
      this.#run = { text: "", outcome: undefined };
      this.runs.set(frame.runId, this.#run);
    }
    if (frame.type === "TEXT_MESSAGE_CONTENT" && this.#run) this.#run.text += String(frame.delta);
    if (!isTerminal(frame) || !this.#run) return;
    const { type } = z.object({ type: z.string() }).safeParse(frame.outcome).data ?? {};
    this.#run.outcome = type ?? String(frame.code);
    tell(this.#run.outcome);
  }
}
