// A real Redis on a free port of this machine, for one test file: started, stopped, killed, frozen and started again.
// Promises: it listens on the loopback only, writes no file but into a folder of its own, and is gone with the test.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, open, readFile, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { freePort, onFreePort } from "../../deploy/demo/server-process.ts";
import { requireProgram } from "./needed-programs.ts";

export interface RedisServerOptions {
  /** Further command line, such as `["--maxmemory", "8mb"]`. */
  readonly args?: readonly string[];
  readonly password?: string;
  /** Keeps an append-only file, so that {@link RedisServer.restart} finds what there was. */
  readonly persistent?: boolean;
  /** A cluster of this one node, which has all slots. */
  readonly cluster?: boolean;
}

const START_MS = 10_000;
const POLL_MS = 10;

export class RedisServer implements AsyncDisposable {
  readonly #options: RedisServerOptions;
  readonly #folder: string;
  #port = 0;
  #busPort = 0;
  #child: ChildProcess | undefined;

  private constructor(folder: string, options: RedisServerOptions) {
    this.#folder = folder;
    this.#options = options;
  }

  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    const folder = await mkdtemp(join(tmpdir(), "parley-redis-"));
    const server = new RedisServer(folder, options);
    try {
      await onFreePort(async (port) => {
        server.#port = port;
        if (options.cluster) server.#busPort = await freePort();
        await server.restart();
      });
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
    return server;
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    const { password } = this.#options;
    return `redis://${password ? `:${encodeURIComponent(password)}@` : ""}127.0.0.1:${this.port}`;
  }

  /**
   * Starts it, again, on the same port; resolves when it answers.
   * @throws as soon as it has ended instead, with what it said; EADDRINUSE where the port is taken
   */
  async restart(): Promise<void> {
    await this.kill();
    // Read here, since a test file has no main.ts to take it from.
    const program = requireProgram("redis-server", process.env);
    await using log = await open(this.#logPath, "w");
    const child = spawn(program, this.#commandLine(), { stdio: ["ignore", log.fd, log.fd] });
    this.#child = child;
    await this.#answers(child);
    if (!this.#options.cluster) return;
    await this.command("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
    while (!(await this.command("CLUSTER", "INFO")).includes("cluster_state:ok")) await pause(POLL_MS);
  }

  /** Ends it at once, without a word to its clients beyond what the kernel says. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }

  /** Freezes it: it accepts connections and bytes, and answers nothing. */
  pause(): void {
    this.#child?.kill("SIGSTOP");
  }

  resume(): void {
    this.#child?.kill("SIGCONT");
  }

  /** One command on a connection of its own, as text; the answer as it came, without its first character. */
  async command(...words: string[]): Promise<string> {
    const socket = connect(this.port, "127.0.0.1");
    try {
      await once(socket, "connect");
      const { password } = this.#options;
      const auth = password ? encode(["AUTH", password]) : "";
      // The marker tells where the answer ends, whatever its form.
      socket.write(`${auth}${encode(words)}${encode(["ECHO", MARKER])}`);
      let answer = "";
      for await (const chunk of socket.setEncoding("utf8")) {
        answer += String(chunk);
        if (answer.endsWith(ENDING)) break;
      }
      return answer
        .slice(auth ? "+OK\r\n".length : 0, -ENDING.length)
        .slice(1)
        .trimEnd();
    } finally {
      socket.destroy();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }

  get #logPath(): string {
    return join(this.#folder, "said.log");
  }

  #commandLine(): string[] {
    const { args = [], password, persistent, cluster } = this.#options;
    return [
      ...["--port", String(this.port), "--bind", "127.0.0.1", "--dir", this.#folder, "--save", ""],
      ...["--appendonly", persistent ? "yes" : "no", "--appendfsync", persistent ? "always" : "no"],
      ...(password ? ["--requirepass", password] : []),
      ...(cluster ? ["--cluster-enabled", "yes", "--cluster-port", String(this.#busPort)] : []),
      ...args,
    ];
  }

  async #answers(child: ChildProcess): Promise<void> {
    const deadline = performance.now() + START_MS;
    const ended = once(child, "exit").then(() => "ended" as const);
    for (;;) {
      const found = await Promise.race([ended, this.#isItself()]);
      if (found === "ended") throw await this.#whyItEnded();
      if (found) return;
      if (performance.now() > deadline) throw new Error("redis-server did not start in time");
      await pause(POLL_MS);
    }
  }

  /** Whether it is there, and not another one on its port: nobody else is in its folder. */
  async #isItself(): Promise<boolean> {
    try {
      if ((await this.command("PING")) !== "PONG") return false;
      return (await this.command("CONFIG", "GET", "dir")).includes(basename(this.#folder));
    } catch {
      return false;
    }
  }

  async #whyItEnded(): Promise<Error> {
    const said = (await readFile(this.#logPath, "utf8")).trimEnd();
    const error = new Error(`redis-server ended before it answered on port ${this.port}:\n${said}`);
    return said.includes("Address already in use") ? Object.assign(error, { code: "EADDRINUSE" }) : error;
  }
}

const MARKER = "end-of-answer";
const ENDING = `$${MARKER.length}\r\n${MARKER}\r\n`;

function encode(words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join("")}`;
}
