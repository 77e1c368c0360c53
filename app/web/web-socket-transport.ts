// Frames over a WebSocket, one text frame each.

import type { ClientFrame } from "#app/models/client-frame.ts";
import type { Transport, TransportEvents } from "./transport.ts";

export class WebSocketTransport implements Transport {
  readonly name = "websocket";
  readonly #url: string;
  #socket: WebSocket | undefined;

  constructor(url: string) {
    this.#url = url;
  }

  open({ onOpen, onText, onEnd }: TransportEvents): void {
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    socket.onopen = onOpen;
    socket.onmessage = ({ data }: { data: unknown }) => {
      if (typeof data === "string") onText(data);
    };
    socket.onclose = ({ code }) => onEnd(code);
  }

  send(frame: ClientFrame): boolean {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  close(): void {
    this.#socket?.close(1000);
  }
}
