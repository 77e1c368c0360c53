// A TCP proxy on a free port of the loopback, with faults that can be switched at any time: down, slow, cut by a reset,
// silent, in slices, narrow. Faults add up until `heal`.
// Promises: bytes keep their order and are never changed; what is held is sent on after `heal`; gone with the test.

import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { onFreePort } from "../../deploy/demo/server-process.ts";
import { Current, type ProxyDirection } from "./tcp-current.ts";

export type { ProxyDirection } from "./tcp-current.ts";

export class TcpProxy implements AsyncDisposable {
  readonly #current = new Current();
  readonly #target: { readonly host: string; readonly port: number };
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer({ allowHalfOpen: true }, (client) => this.#carry(client));
  #port = 0;
  #accepted = 0;

  private constructor(target: { host: string; port: number }) {
    this.#target = target;
  }

  static async start(targetPort: number, host = "127.0.0.1"): Promise<TcpProxy> {
    const proxy = new TcpProxy({ host, port: targetPort });
    // One that is still free when it was down and is healed.
    await onFreePort((port) => {
      proxy.#port = port;
      return proxy.#listen();
    });
    return proxy;
  }

  get port(): number {
    return this.#port;
  }

  /** Connections accepted since the start. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Refuses new connections and cuts the old ones. */
  async down(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, "close");
    this.#server.close();
    this.cut();
    await closed;
  }

  /** Cuts the connections there are; new ones are welcome. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** What the server says comes so much later, give or take the jitter: a round trip takes so much longer. */
  latency(ms: number, jitterMs = 0): void {
    this.#current.set({ latency: { ms, jitterMs } });
  }

  /** A connection is reset (RST) once so many further bytes have gone to its client; one that comes later, too. */
  reset(afterBytes = 0): void {
    this.#current.set({ reset: { afterBytes } });
  }

  /** Accepts connections and bytes, and passes nothing on. */
  stall(direction: ProxyDirection | "both" = "both"): void {
    this.#current.set({ stalled: direction });
  }

  /** Passes at most so many bytes on at once. */
  slice(bytes = 1): void {
    this.#current.set({ sliceBytes: bytes });
  }

  /** Passes at most so many bytes on in a second, in each direction of each connection. */
  limit(bytesPerSecond: number): void {
    this.#current.set({ bytesPerSecond });
  }

  /** No fault any more: held bytes go on, and who was refused is welcome, on the same port. */
  async heal(): Promise<void> {
    this.#current.clear();
    if (!this.#server.listening) await this.#listen();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down();
    this.#current.clear();
  }

  async #listen(): Promise<void> {
    this.#server.listen(this.#port, "127.0.0.1");
    await once(this.#server, "listening");
  }

  #carry(client: Socket): void {
    this.#accepted += 1;
    const server = connect({ ...this.#target, allowHalfOpen: true });
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      // The close that follows is passed on like everything else.
      socket.on("error", () => socket.destroy());
      socket.once("close", () => this.#sockets.delete(socket));
    }
    this.#current.join(client, server, "to-server");
    this.#current.join(server, client, "to-client");
  }
}
