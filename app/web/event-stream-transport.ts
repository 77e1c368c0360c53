// Frames where WebSockets are blocked: the server's come as an event stream, the client's go as one POST each.
// Promises: one command is under way at a time, so they arrive in order; a command that may not have arrived ends the
// transport, so that whoever sent it sends it again on the next one. Joining opens the stream; joining again replaces it.

import type { ClientFrame, JoinFrame } from "#app/models/client-frame.ts";
import type { ServerAddresses } from "./addresses.ts";
import { readEventStream, type StreamPart } from "./event-stream.ts";
import { fieldsOf, isObject, parseJson } from "./json-fields.ts";
import { parseServerFrame } from "./server-frame.ts";
import { type Transport, type TransportEvents, UNEXPLAINED } from "./transport.ts";

/** A line that lets answers through late or not at all is taken for dead. */
const ANSWER_TIMEOUT_MS = 15_000;

export class EventStreamTransport implements Transport {
  readonly name = "sse";
  readonly #addresses: ServerAddresses;
  readonly #ending = new AbortController();
  #events: TransportEvents | undefined;
  #stream = new AbortController();
  #address = "";
  #token = "";
  /** Names the stream to the commands that belong to it. */
  #connectionId = "";
  /** Why the server ends the stream, where it said so. */
  #endCode = UNEXPLAINED;
  #sending: Promise<void> = Promise.resolve();

  constructor(addresses: ServerAddresses) {
    this.#addresses = addresses;
  }

  /** There is nothing to dial before it is known which conversation is meant. */
  open(events: TransportEvents): void {
    this.#events = events;
    queueMicrotask(() => {
      if (!this.#ending.signal.aborted) events.onOpen();
    });
  }

  send(frame: ClientFrame): boolean {
    if (this.#ending.signal.aborted) return false;
    if (frame.type === "join") this.#join(frame);
    // Neither is worth a POST a second. A reader that never acknowledges is measured by what its connection takes; and
    // an answered POST would prove nothing of the stream, which shows by its comments that it lives.
    else if (frame.type !== "ack" && frame.type !== "ping") this.#queue(() => this.#post(frame));
    return true;
  }

  close(): void {
    this.#ending.abort();
    this.#stream.abort();
  }

  #join(frame: JoinFrame): void {
    this.#stream.abort();
    const stream = new AbortController();
    this.#stream = stream;
    this.#connectionId = "";
    this.#endCode = UNEXPLAINED;
    // The client always names its conversation.
    this.#address = this.#addresses.conversation(frame.conversationId ?? "");
    this.#token = frame.resumeToken ?? "";
    this.#queue(async () => {
      if (stream.signal.aborted) return;
      if (frame.create === true && !(await this.#post(frame))) return;
      void this.#read(frame, stream.signal);
    });
  }

  /** Never rejects: what fails ends the transport. */
  #queue(work: () => Promise<unknown>): void {
    this.#sending = this.#sending.then(async () => {
      if (this.#ending.signal.aborted) return;
      await work().catch(() => this.#end());
    });
  }

  /** True where the server has taken it. */
  async #post(frame: ClientFrame): Promise<boolean> {
    const response = await fetch(`${this.#address}/commands`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "x-resume-token": this.#token,
        ...(this.#connectionId === "" ? {} : { "x-connection-id": this.#connectionId }),
      },
      body: JSON.stringify(frame),
      signal: AbortSignal.any([this.#ending.signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]),
    });
    const text = await response.text();
    if (!response.ok) this.#refuse(text, frame.commandId);
    else if (text !== "") this.#events?.onText(text);
    return response.ok;
  }

  /** Never rejects. */
  async #read({ commandId, epoch, after }: JoinFrame, signal: AbortSignal): Promise<void> {
    try {
      const response = await fetch(`${this.#address}/events`, {
        headers: {
          accept: "text/event-stream",
          "x-resume-token": this.#token,
          ...(epoch === undefined ? {} : { "last-event-id": `${epoch}:${after}` }),
        },
        cache: "no-store",
        signal,
      });
      if (!response.ok || !response.body) {
        this.#refuse(await response.text(), commandId);
        return;
      }
      for await (const part of readEventStream(response.body)) {
        if (signal.aborted) return;
        this.#take(part);
      }
    } catch {
      // How it broke is the same to whoever comes back.
    }
    if (!signal.aborted) this.#end();
  }

  #take(part: StreamPart): void {
    if ("comment" in part) {
      this.#endCode = Number(/^\d{4}(?= )/.exec(part.comment)?.[0] ?? this.#endCode);
      this.#events?.onSign();
      return;
    }
    const frame = parseServerFrame(part.data);
    if (frame?.kind === "connection" && frame.name === "hello") this.#connectionId = frame.value.connectionId;
    this.#events?.onText(part.data);
  }

  /**
   * The error of an HTTP answer, as the frame that a socket would have brought.
   * @throws where it is none of ours: something between here and the server has answered
   */
  #refuse(text: string, commandId: string | undefined): void {
    const { error } = fieldsOf(parseJson(text));
    if (!isObject(error)) throw new Error("not ours");
    this.#events?.onText(JSON.stringify({ type: "CUSTOM", name: "error", value: { ...error, commandId } }));
  }

  #end(): void {
    if (this.#ending.signal.aborted) return;
    this.close();
    this.#events?.onEnd(this.#endCode);
  }
}
