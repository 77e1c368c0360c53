// A visitor's tab whose connection goes again and again, in every way and at any moment, and which comes back on any
// instance, with its position or without. Promises: throws at the first event that is missing, doubled, changed or out
// of order; what it has read stands in `row`, by number, as the text that came, and what a visitor sees in `picture`.

import assert from "node:assert/strict";
import { z } from "zod";
import { isTerminal, ownPair } from "../support/conversation.ts";
import type { Frame } from "../support/socket-client.ts";
import { assertWireInvariants } from "../support/wire-invariants.ts";
import type { Place } from "./instance-pair.ts";
import { leakWatch } from "./leaks.ts";
import { Picture } from "./picture.ts";
import { RawLine } from "./raw-line.ts";

export type WayToLeave = "terminate" | "close";
export type Pair = ReturnType<typeof ownPair>;

const joinedSchema = z.object({
  conversationId: z.string(),
  epoch: z.string(),
  lastSeq: z.int(),
  recovered: z.boolean().optional(),
  storage: z.string(),
});
const acceptedSchema = z.object({
  messageId: z.string(),
  runId: z.string(),
  duplicate: z.boolean().optional(),
});
const startSchema = z.object({ input: z.object({ messages: z.tuple([z.object({ id: z.string() })]) }) });
const historySchema = z.object({
  messages: z.array(z.object({ id: z.string(), role: z.string(), content: z.string() })),
});

export class RoamingTab {
  readonly pair: Pair;
  /** What was read, by number. */
  readonly row = new Map<number, string>();
  readonly picture = new Picture();
  /** How often it has come back, up to `replayed`. */
  resumes = 0;
  #line: RawLine;
  #epoch = "";
  #position = 0;
  #takenUp: RoamingTab["takenUp"] = { messageId: undefined, isOpen: false };
  #read = 0;

  private constructor(pair: Pair, line: RawLine) {
    this.pair = pair;
    this.#line = line;
    leakWatch.guard(pair);
  }

  /** A tab on a new conversation, or on one that another tab has just begun. */
  static async open(place: Place, pair?: Pair): Promise<RoamingTab> {
    const tab = new RoamingTab(pair ?? ownPair(), await RawLine.open(place));
    tab.#line.send({ type: "join", ...tab.pair, create: pair === undefined });
    await tab.hasJoined();
    if (pair) await tab.hears("replayed", () => tab.#line.named("replayed").length > 0);
    const { epoch, storage } = joinedSchema.parse(tab.#line.named("joined")[0]?.value);
    assert.equal(storage, "redis");
    tab.#epoch = epoch;
    return tab;
  }

  /** The message whose answer was begun last, and whether that has not ended yet. */
  get takenUp(): { readonly messageId: string | undefined; readonly isOpen: boolean } {
    this.#takeIn();
    return this.#takenUp;
  }

  get line(): RawLine {
    return this.#line;
  }

  /** Where a client goes on that comes back. */
  get bookmark(): { readonly epoch: string; readonly after: number } {
    return { epoch: this.#epoch, after: this.position };
  }

  /** Number of the newest event. */
  get position(): number {
    this.#takeIn();
    return this.#position;
  }

  /** What has come is read, and of the rest not a byte. */
  leave(way: WayToLeave = "terminate"): void {
    this.#takeIn();
    assertWireInvariants(this.#line.frames);
    for (const text of this.#line.texts) leakWatch.assertFrame(text, this.pair.conversationId);
    assert.deepEqual(this.#refusals(), []);
    this.#line[way]();
  }

  /** Leaves, and starts to come back: the join is on its way when this resolves. */
  async startBack(place: Place, options: { way?: WayToLeave; hasPosition?: boolean } = {}): Promise<void> {
    this.leave(options.way);
    this.goOnOver(await RawLine.open(place), options.hasPosition);
  }

  /** Goes on over another connection that was opened already; what the one before may still bring is not read. */
  goOnOver(line: RawLine, hasPosition = true): void {
    this.#line = line;
    this.#read = 0;
    line.send({ type: "join", ...this.pair, ...(hasPosition && this.bookmark) });
  }

  /** The instance has said that this is the conversation. */
  async hasJoined(): Promise<void> {
    await this.hears("joined", () => this.#line.named("joined").length > 0);
  }

  /** The join is answered, and everything that was missed has come; with a position nothing but that may come. */
  async isBack(hadPosition = true): Promise<void> {
    await this.hears("replayed", () => this.#line.named("replayed").length > 0);
    const { recovered, epoch } = joinedSchema.parse(this.#line.named("joined")[0]?.value);
    assert.deepEqual([recovered, epoch], [hadPosition ? true : undefined, this.#epoch]);
    assert.equal(this.#line.named("MESSAGES_SNAPSHOT").length, hadPosition ? 0 : 1);
    this.resumes += 1;
  }

  async comeBack(place: Place, options: { way?: WayToLeave; hasPosition?: boolean } = {}): Promise<void> {
    await this.startBack(place, options);
    await this.isBack(options.hasPosition);
  }

  say(text: string, id: string) {
    return this.ask({ type: "message", text, id });
  }

  /** Something that asks for an answer, and has to be accepted. */
  async ask(frame: object) {
    const { name, value } = await this.#line.ask(frame);
    assert.equal(name, "accepted", JSON.stringify(value));
    return acceptedSchema.parse(value);
  }

  async history() {
    return historySchema.parse((await this.#line.ask({ type: "history", limit: 100 })).value).messages;
  }

  async hears(what: string, condition: () => boolean): Promise<void> {
    await this.#line.hears(what, () => {
      this.#takeIn();
      assert.deepEqual(this.#refusals(), []);
      return condition();
    });
  }

  async hasRead(position: number): Promise<void> {
    await this.hears(`event ${position}`, () => this.#position >= position);
  }

  /** A stop that came too late is no fault. */
  #refusals(): readonly unknown[] {
    return this.#line.named("error").filter(({ value }) => Object(value).code !== "already_finished");
  }

  #takeIn(): void {
    const { frames, texts } = this.#line;
    while (this.#read < frames.length) {
      const frame = frames[this.#read];
      const text = texts[this.#read] ?? "";
      this.#read += 1;
      if (frame?.type === "MESSAGES_SNAPSHOT") this.#position = this.picture.reset(frame);
      if (typeof frame?.seq !== "number") continue;
      assert.equal(frame.seq, this.#position + 1, `after ${this.#position} came ${text}`);
      this.#position += 1;
      // An event that was read before, on another line, is shown again only after a snapshot.
      assert.equal(this.row.get(frame.seq) ?? text, text, "a numbered event never changes");
      this.row.set(frame.seq, text);
      this.picture.add(frame);
      this.#follow(frame);
    }
  }

  #follow(frame: Frame): void {
    if (frame.type === "RUN_STARTED") {
      const { input } = startSchema.parse(frame);
      this.#takenUp = { messageId: input.messages[0].id, isOpen: true };
    } else if (isTerminal(frame)) this.#takenUp = { ...this.#takenUp, isOpen: false };
  }
}
