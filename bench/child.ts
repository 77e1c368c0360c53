// A child process of the bench: pinned to a core where there are two, spoken to over IPC.
// Promises: a child that dies early fails whoever waits for it, with the last it wrote; stop() leaves nothing behind.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";

/** The measured server has a core to itself; load and upstream share the other one. */
export const SERVER_CORE = 0;
export const LOAD_CORE = 1;
/** Without a second core, or taskset, the figures say little; the bench runs all the same, and says so. */
export const CAN_PIN = availableParallelism() >= 2 && spawnSync("taskset", ["--version"]).status === 0;

const WAIT_MS = 180_000;

export class Child {
  readonly #process: ChildProcess;
  readonly #inbox: { type: string }[] = [];
  #written = "";
  #wake: (() => void) | undefined;

  constructor(core: number, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const command = [...(CAN_PIN ? ["taskset", "-c", String(core)] : []), process.execPath, ...args];
    this.#process = spawn(command[0] ?? "", command.slice(1), {
      env: { PATH: process.env.PATH, ...env },
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    for (const stream of [this.#process.stdout, this.#process.stderr])
      stream?.on("data", (text) => {
        this.#written = `${this.#written}${text}`.slice(-2_000);
      });
    this.#process.on("message", (message: { type: string }) => {
      this.#inbox.push(message);
      this.#wake?.();
    });
    this.#process.once("exit", () => this.#wake?.());
  }

  get hasEnded(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  get lastWords(): string {
    return this.#written;
  }

  tell(message: object): void {
    this.#process.send(message);
  }

  /** The next message of that type. @throws Error when the child reports a failure, ends, or says nothing for long */
  async hear<Message extends { type: string }>(type: Message["type"]): Promise<Message> {
    const deadline = performance.now() + WAIT_MS;
    while (true) {
      const message = this.#inbox.shift();
      if (message?.type === type) return message as Message;
      if (message) throw new Error(`a child said ${JSON.stringify(message)} instead of ${type}`);
      if (this.hasEnded) throw new Error(`a child ended early:\n${this.#written}`);
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) throw new Error(`a child did not say ${type}:\n${this.#written}`);
      await this.#news(leftMs);
    }
  }

  async stop(): Promise<void> {
    if (this.hasEnded) return;
    const exit = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await exit;
  }

  async #news(withinMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, withinMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
