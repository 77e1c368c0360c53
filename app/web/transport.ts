// What carries the frames of one connection, whichever way. A transport is used once: opened, and gone when it ends.

import type { ClientFrame } from "#app/models/client-frame.ts";

export type TransportName = "websocket" | "sse";

export interface TransportEvents {
  /** Frames can be sent from now on. */
  readonly onOpen: () => void;
  /** One frame of the server, as JSON. */
  readonly onText: (text: string) => void;
  /** Something came that is no frame: the line lives. */
  readonly onSign: () => void;
  /** Once, and nothing after it. `code` as WebSockets have it (protocol 2.3); 1006 where nobody said why. */
  readonly onEnd: (code: number) => void;
}

export interface Transport {
  readonly name: TransportName;
  open(events: TransportEvents): void;
  /** False where the frame did not go out. True is no promise that it arrives. */
  send(frame: ClientFrame): boolean;
  /** Does not wait for the other side; `onEnd` may still be called. */
  close(): void;
}

/** The code of an end that nobody explained (RFC 6455, 7.1.5). */
export const UNEXPLAINED = 1006;
