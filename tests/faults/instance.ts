// The server in a process of its own, as in production: started, signalled, killed, its log read.
// Promises: when it is let go of, nothing that it has written held a secret, a stack, a prompt or what was said.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { z } from "zod";
import { until } from "../support/until.ts";
import { leakWatch, PROVIDER_KEY } from "./leaks.ts";

const ROOT = join(import.meta.dirname, "../..");
const START_MS = 30_000;
const lineSchema = z.looseObject({ event: z.string() });
type LogLine = z.output<typeof lineSchema>;

/** Limits that no fault test should meet. */
const SETTINGS = {
  HOST: "127.0.0.1",
  PORT: "0",
  ENVIRONMENT: "test",
  LLM_PROVIDER: "openai",
  OPENAI_API_KEY: PROVIDER_KEY,
  DAILY_TOKEN_BUDGET: "999999999",
  MESSAGES_PER_MINUTE: "100000",
  MESSAGES_PER_MINUTE_PER_CONNECTION: "100000",
  RUNS_AT_ONCE_PER_VISITOR: "1000",
  WS_MAX_CONNECTIONS_PER_ADDRESS: "1000",
};

export class Instance implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #lines: LogLine[] = [];
  readonly #ended: Promise<number | null>;
  readonly #leaks: unknown[] = [];
  #errors = "";
  #url = "";
  #hasEnded = false;

  private constructor(env: Readonly<Record<string, string>>) {
    this.#child = spawn(process.execPath, ["app/main.ts"], {
      cwd: ROOT,
      env: { ...SETTINGS, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const { stdout, stderr } = this.#child;
    if (stdout)
      createInterface(stdout).on("line", (text) => {
        this.#lines.push(lineSchema.parse(JSON.parse(text)));
        this.#look(text);
      });
    stderr?.on("data", (chunk: Buffer) => {
      this.#errors += chunk.toString();
    });
    this.#ended = once(this.#child, "close").then(([code]) => {
      this.#hasEnded = true;
      return typeof code === "number" ? code : null;
    });
  }

  /** Resolves when it answers. */
  static async start(env: Readonly<Record<string, string>>): Promise<Instance> {
    const instance = new Instance(env);
    await until("the start", () => instance.#hasEnded || instance.#line("application_ready"), START_MS);
    const ready = z.object({ url: z.url() }).parse(instance.logged("application_ready")[0], {
      error: () => `not ready: ${instance.#errors}`,
    });
    instance.#url = ready.url;
    return instance;
  }

  /** Where its WebSocket is. */
  get socketUrl(): string {
    return `${this.#url.replace("http", "ws")}api/v1/chat/ws`;
  }

  /** `http://127.0.0.1:<port>/` */
  get url(): string {
    return this.#url;
  }

  get isAlive(): boolean {
    return !this.#hasEnded;
  }

  /** What it has written to standard error: nothing, unless it crashed. */
  get errors(): string {
    return this.#errors;
  }

  /** Its log lines of that event. */
  logged(event: string): readonly LogLine[] {
    return this.#lines.filter((line) => line.event === event);
  }

  signal(name: "SIGSTOP" | "SIGCONT" | "SIGTERM"): void {
    this.#child.kill(name);
  }

  /** Ends it at once, as a crash or a machine that is gone would. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }

  /** Its exit code, once it has ended; null where a signal ended it. */
  exit(): Promise<number | null> {
    return this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.isAlive) await this.kill();
    this.#look(this.#errors);
    if (this.#leaks.length > 0) throw this.#leaks[0];
  }

  /** Does not throw where nobody would hear of it. */
  #look(text: string): void {
    try {
      leakWatch.assertLine(text);
    } catch (error) {
      this.#leaks.push(error);
    }
  }

  #line(event: string): boolean {
    return this.#lines.some((line) => line.event === event);
  }
}
