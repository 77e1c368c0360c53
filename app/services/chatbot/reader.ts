// One connection's place in a conversation: its cursor, its window, its catching up.
// Promises: every event after the start position once and in order; never more than the window's bytes under way.
// The log is the only buffer: a reader that is behind, for whatever reason, reads on from there until it is level.

import type { CloseName } from "#app/core/close-codes.ts";
import { toAppError } from "#app/core/errors.ts";
import type { ConversationChannel } from "./conversation-channel.ts";
import type { EventLog, LogHead } from "./event-log.ts";

/** What a reader needs of a connection; a WebSocket's, or a stream of server-sent events. */
export interface ReaderTransport {
  /** Bytes handed over that the socket has not taken. */
  readonly bufferedBytes: number;
  send(frame: string): void;
  /** Resolves when the socket has taken everything sent so far, or is gone. */
  whenDrained(): Promise<void>;
  close(name: CloseName): void;
}

export interface ReaderOptions {
  readonly conversationId: string;
  readonly transport: ReaderTransport;
  readonly channel: ConversationChannel;
  readonly log: EventLog;
  /** Called once, when everything up to the head has been sent. */
  readonly onLevel: (lastSeq: number) => void;
  /** Called when the log goes on in another life, which this reader can follow. */
  readonly onMoved?: (head: LogHead) => void;
  /** Called when the row cannot be proved whole, or cannot be read: the connection has to join anew. */
  readonly onLost: (error?: unknown) => void;
}

/** Bytes under way that a client has not acknowledged, or, if it never does, that its socket has not taken. */
export const READER_WINDOW_BYTES = 256 * 1024;
const STALL_MS = 30_000;
const READ_LIMIT = 200;

export class Reader {
  readonly #options: ReaderOptions;
  #epoch = "";
  #cursor = 0;
  #state: "stopped" | "catching-up" | "level" | "full" = "stopped";
  #announced = false;
  #isOver = false;
  /** Something may have been appended since the log was asked. */
  #again = false;
  #sentBytes = 0;
  #acknowledgedBytes = 0;
  /** Ends of the frames under way; kept only for a client that acknowledges. */
  #marks: { seq: number; sentBytes: number }[] = [];
  #acknowledges = false;
  #stallTimer: NodeJS.Timeout | undefined;
  /** What the socket held when it was last looked at while the window was full. */
  #stalledBytes = 0;

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  /** Starts after the position `after`, in the log that `head` belongs to. */
  start(after: number, head: LogHead): void {
    if (this.#isOver) return;
    this.#epoch = head.epoch;
    this.#cursor = after;
    const { channel, onLost } = this.#options;
    if (!channel.enter(head.epoch)) {
      // The log was left after it had been asked for its head.
      this.stop();
      onLost();
      return;
    }
    channel.join(this);
    if (after > Math.max(head.lastSeq, channel.lastSeq)) this.#awaitHead();
    else this.#catchUp();
  }

  stop(): void {
    this.#state = "stopped";
    clearTimeout(this.#stallTimer);
    this.#options.channel.leave(this);
  }

  /** From the channel: an event that was confirmed just now. */
  deliver(seq: number, event: string, bytes: number): void {
    if (this.#state !== "level" || seq <= this.#cursor) return;
    if (seq !== this.#cursor + 1) {
      this.#catchUp();
      return;
    }
    this.#send(seq, event, bytes);
    if (!this.#isStopped() && this.#isFull()) this.#wait();
  }

  /** From the channel: events may have been missed, or the log may have been lost. */
  recheck(): void {
    if (this.#state === "level") this.#catchUp();
    else this.#again = true;
  }

  /**
   * From the channel: whoever has read all that was shown goes on with it. For the others the row is cut: what they would
   * still read stands in the old life, which another instance may go on with in words of its own.
   */
  move(epoch: string, lastSeq: number): void {
    if (this.#isStopped()) return;
    const isAnother = epoch !== this.#epoch;
    if (this.#cursor !== lastSeq) {
      if (isAnother) this.#lose();
      else this.recheck();
      return;
    }
    this.#epoch = epoch;
    this.#options.onMoved?.({ epoch, lastSeq });
    if (!isAnother) this.recheck();
    else if (this.#state !== "full") this.#catchUp();
  }

  /** From the channel: of the moment, so it is passed on at once or not at all. */
  whisper(frame: string): void {
    if (this.#state === "level" && this.#announced) this.#options.transport.send(frame);
  }

  /** From the channel: the conversation is no more. Said whatever the state, also before the start. */
  end(frame: string): void {
    this.#isOver = true;
    this.stop();
    this.#options.transport.send(frame);
    this.#options.transport.close("erased");
  }

  /** From the client: everything up to `seq` has been read. */
  acknowledge(seq: number): void {
    if (seq > this.#cursor) return;
    if (!this.#acknowledges) {
      // The first acknowledgement: what was sent before it is taken as read; from here on every frame is counted.
      this.#acknowledges = true;
      this.#acknowledgedBytes = this.#sentBytes;
    }
    const unread = this.#marks.findIndex((mark) => mark.seq > seq);
    const read = this.#marks.splice(0, unread < 0 ? this.#marks.length : unread).at(-1);
    if (read) this.#acknowledgedBytes = read.sentBytes;
    if (this.#state !== "full") return;
    if (!this.#isFull()) this.#resume();
    else if (read) this.#watch();
  }

  #send(seq: number, event: string, bytes: number): void {
    this.#options.transport.send(event);
    this.#cursor = seq;
    this.#sentBytes += bytes;
    if (this.#acknowledges) this.#marks.push({ seq, sentBytes: this.#sentBytes });
  }

  #isFull(): boolean {
    const underWay = this.#acknowledges
      ? this.#sentBytes - this.#acknowledgedBytes
      : this.#options.transport.bufferedBytes;
    return underWay >= READER_WINDOW_BYTES;
  }

  /** Stops pushing. The client's next acknowledgement, or an empty socket, goes on; 30 s of neither closes. */
  #wait(): void {
    this.#state = "full";
    this.#watch();
    if (this.#acknowledges) return;
    void this.#options.transport.whenDrained().then(() => {
      if (this.#state === "full" && !this.#isFull()) this.#resume();
    });
  }

  #watch(): void {
    clearTimeout(this.#stallTimer);
    this.#stalledBytes = this.#options.transport.bufferedBytes;
    this.#stallTimer = setTimeout(() => this.#judgeStall(), STALL_MS);
    this.#stallTimer.unref();
  }

  /** A socket that takes bytes, however slowly, makes progress; of a client that acknowledges only that counts. */
  #judgeStall(): void {
    const { transport } = this.#options;
    if (!this.#acknowledges && transport.bufferedBytes < this.#stalledBytes) this.#watch();
    else transport.close("slowReader");
  }

  #resume(): void {
    clearTimeout(this.#stallTimer);
    this.#catchUp();
  }

  #catchUp(): void {
    this.#follow(() => this.#readOn());
  }

  /** A snapshot can be a step ahead of the log's head, whose last appends were still on their way when it was asked. */
  #awaitHead(): void {
    this.#follow(() => this.#lookAhead());
  }

  #follow(look: () => Promise<void>): void {
    this.#state = "catching-up";
    const epoch = this.#epoch;
    look().catch((error: unknown) => {
      // What an earlier life of the log said counts no more.
      if (epoch === this.#epoch) this.#lose(toAppError(error));
    });
  }

  async #lookAhead(): Promise<void> {
    const { conversationId, channel, log } = this.#options;
    const epoch = this.#epoch;
    const head = await log.open(conversationId);
    if (this.#state !== "catching-up" || epoch !== this.#epoch) return;
    if (head.epoch !== this.#epoch) this.#lose();
    // What is still to come up to here comes by the channel, and is passed over.
    else if (!this.#again && this.#cursor > Math.max(head.lastSeq, channel.lastSeq)) this.#becomeLevel();
    else await this.#readOn();
  }

  async #readOn(): Promise<void> {
    const { conversationId, channel, log } = this.#options;
    const epoch = this.#epoch;
    while (this.#state === "catching-up" && epoch === this.#epoch) {
      const shownSeq = channel.lastSeq;
      this.#again = false;
      const slice = await log.read(conversationId, {
        epoch: this.#epoch,
        after: this.#cursor,
        limit: READ_LIMIT,
      });
      if (this.#state !== "catching-up" || epoch !== this.#epoch) return;
      // A log that ends before what had been shown here when it was asked has been lost; asking again would never end.
      if (!slice || slice.lastSeq < shownSeq) {
        this.#lose();
        return;
      }
      if (slice.epoch !== epoch) {
        // Under its new name it is asked again: what was shown here under the old one says nothing of it.
        if (channel.enter(slice.epoch)) this.move(slice.epoch, this.#cursor);
        else this.#lose();
        return;
      }
      for (const [index, event] of slice.events.entries()) {
        if (this.#isFull()) break;
        this.#send(slice.firstSeq + index, event, Buffer.byteLength(event));
        // A transport can end it from within: with the end of the one run that it shows, for example.
        if (this.#isStopped()) return;
      }
      // Nothing can be published between this comparison and the state it leads to: both stand in one tick.
      const isLevel = this.#cursor >= Math.max(slice.lastSeq, channel.lastSeq);
      if (isLevel && !this.#again) this.#becomeLevel();
      if (this.#isFull()) this.#wait();
    }
  }

  #becomeLevel(): void {
    this.#state = "level";
    if (this.#announced) return;
    this.#announced = true;
    this.#options.onLevel(this.#cursor);
  }

  #isStopped(): boolean {
    return this.#state === "stopped";
  }

  #lose(error?: unknown): void {
    if (this.#isStopped()) return;
    this.stop();
    this.#options.onLost(error);
  }
}
