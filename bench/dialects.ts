// The two protocols that the load client speaks: RAW's three frames, and Parley's.

/** What a frame of the server means to somebody who waits for a reply. */
export type Heard =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "joined" }
  | { readonly type: "end" }
  | { readonly type: "failure"; readonly reason: string }
  | { readonly type: "nothing" };

/** One connection's side of a protocol; it may keep what the protocol makes it keep. */
export interface Dialect {
  /** Sent after connecting; undefined where the connection is ready at once. */
  readonly join: string | undefined;
  say(text: string): string;
  hear(frame: string): Heard;
  /** A frame that is due now because of what was heard, such as an acknowledgement. */
  owed(): string | undefined;
}

const NOTHING: Heard = { type: "nothing" };

export class RawDialect implements Dialect {
  readonly join = undefined;

  say(text: string): string {
    return JSON.stringify({ type: "message", text });
  }

  hear(frame: string): Heard {
    const { delta, failed }: { delta?: string; failed?: string } = JSON.parse(frame);
    if (delta !== undefined) return { type: "text", text: delta };
    return failed === undefined ? { type: "end" } : { type: "failure", reason: failed };
  }

  owed(): undefined {
    return undefined;
  }
}

/** The fields of Parley's events that matter here. */
interface ParleyEvent {
  readonly type: string;
  readonly seq?: number;
  readonly name?: string;
  readonly delta?: string;
  readonly code?: string;
  readonly value?: { readonly code?: string };
  readonly outcome?: { readonly type: string };
}

/** As the product's own client does: 32 events, or a second after the first unreported one. */
const ACK_EVENTS = 32;
const ACK_AFTER_MS = 1_000;

export class ParleyDialect implements Dialect {
  readonly join = JSON.stringify({ type: "join" });
  #seq = 0;
  #acknowledged = 0;
  #unreportedSince = 0;

  say(text: string): string {
    return JSON.stringify({ type: "message", text });
  }

  hear(frame: string): Heard {
    const event: ParleyEvent = JSON.parse(frame);
    if (event.seq !== undefined) {
      if (event.seq !== this.#seq + 1)
        return { type: "failure", reason: `event ${event.seq} after ${this.#seq}` };
      if (this.#seq === this.#acknowledged) this.#unreportedSince = performance.now();
      this.#seq = event.seq;
    }
    switch (event.type) {
      case "TEXT_MESSAGE_CONTENT":
        return { type: "text", text: event.delta ?? "" };
      case "RUN_FINISHED":
        return event.outcome?.type === "success" ? { type: "end" } : { type: "failure", reason: "cancelled" };
      case "RUN_ERROR":
        return { type: "failure", reason: event.code ?? "RUN_ERROR" };
      case "CUSTOM":
        if (event.name === "joined") return { type: "joined" };
        return event.name === "error" ? { type: "failure", reason: event.value?.code ?? "error" } : NOTHING;
      default:
        return NOTHING;
    }
  }

  owed(): string | undefined {
    const unreported = this.#seq - this.#acknowledged;
    if (unreported === 0) return undefined;
    if (unreported < ACK_EVENTS && performance.now() - this.#unreportedSince < ACK_AFTER_MS) return undefined;
    this.#acknowledged = this.#seq;
    return JSON.stringify({ type: "ack", seq: this.#seq });
  }
}
