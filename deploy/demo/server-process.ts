// Real servers in processes of their own, on free ports of the loopback: a Parley instance, a Redis. Started, awaited,
// ended by their process id. Promises: nothing of this process's environment reaches them but the PATH; what a server
// writes is kept, not shown; a server that was started is gone with its `end`, and with this process.

import { type ChildProcess, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { existsSync, rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";

export interface ServerProcess {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  readonly isRunning: boolean;
  /** The lines of its standard output, so far. */
  readonly lines: readonly string[];
  /** Resolves when it has ended, with its exit code, or null where a signal ended it. Harmless afterwards. */
  end(signal: "SIGTERM" | "SIGKILL"): Promise<number | null>;
}

interface Launch {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The port, as soon as a line says that it is ready. */
  readonly readyPort: (line: string) => number | undefined;
  /** A folder of its own, which goes with it. */
  readonly folder?: string;
}

const MAIN = join(import.meta.dirname, "../../app/main.ts");
const READY_MS = 60_000;
/**
 * Nothing is given one of these by chance: `listen(0)` and connections that go out get higher ones, on Linux. So a port of
 * these can be left for a while, to be bound later or again.
 */
const PORTS = { from: 15_000, below: 32_000 } as const;
const drawnPorts = new Set<number>();

/**
 * Starts a Parley instance.
 * @param env as in .env.example
 * @throws when it ends, or does not get ready; with what it said
 */
export function startInstance(name: string, env: Readonly<Record<string, string>>): Promise<ServerProcess> {
  return launch({
    name,
    program: process.execPath,
    args: [MAIN],
    env: { HOST: "127.0.0.1", PORT: "0", ...env },
    readyPort: (line) => {
      const { event, url }: Record<string, unknown> = JSON.parse(line);
      return event === "application_ready" ? Number(new URL(String(url)).port) : undefined;
    },
  });
}

/** The path of `redis-server`, from REDIS_SERVER_PATH or the PATH; undefined where there is none. */
export function findRedisServer(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const { REDIS_SERVER_PATH, PATH = "" } = env;
  if (REDIS_SERVER_PATH) return existsSync(REDIS_SERVER_PATH) ? REDIS_SERVER_PATH : undefined;
  return [...PATH.split(delimiter), "/usr/sbin"]
    .map((folder) => join(folder, "redis-server"))
    .find((path) => existsSync(path));
}

/** Starts a Redis that keeps nothing, in a folder of its own. */
export async function startRedis(program: string): Promise<ServerProcess> {
  const folder = await mkdtemp(join(tmpdir(), "parley-redis-"));
  const port = await freePort();
  const args = [
    "--port",
    String(port),
    "--bind",
    "127.0.0.1",
    "--dir",
    folder,
    "--save",
    "",
    "--appendonly",
    "no",
  ];
  const isReady = (line: string) => (line.includes("Ready to accept connections") ? port : undefined);
  return launch({ name: "redis", program, args, readyPort: isReady, folder });
}

async function launch({ name, program, args, env, readyPort, folder }: Launch): Promise<ServerProcess> {
  const child = spawn(program, args, {
    env: { PATH: process.env.PATH, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const kill = () => void child.kill("SIGKILL");
  const clean = () => folder !== undefined && rmSync(folder, { recursive: true, force: true });
  // The last resort, for an end of this process that nothing else sees.
  const leave = () => {
    kill();
    clean();
  };
  process.once("exit", leave);
  child.once("close", () => {
    process.off("exit", leave);
    clean();
  });
  const lines: string[] = [];
  const port = await new Promise<number>((resolve, reject) => {
    const fail = (why: string) => {
      clearTimeout(late);
      kill();
      reject(new Error(`${name} ${why}\n${lines.slice(-10).join("\n")}`));
    };
    const late = setTimeout(() => fail(`was not ready within ${READY_MS} ms`), READY_MS);
    const listen = (line: string) => {
      lines.push(line);
      const found = readyPort(line);
      if (found === undefined) return;
      clearTimeout(late);
      resolve(found);
    };
    createInterface({ input: child.stdout }).on("line", listen);
    createInterface({ input: child.stderr }).on("line", (line) => lines.push(line));
    child.once("error", (error) => fail(`cannot be started: ${error.message}`));
    child.once("close", (code) => fail(`ended with ${code} before it was ready`));
  });
  return toServerProcess(name, port, child, lines);
}

function toServerProcess(name: string, port: number, child: ChildProcess, lines: string[]): ServerProcess {
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  return {
    name,
    port,
    pid: child.pid ?? 0,
    lines,
    get isRunning() {
      return !hasEnded();
    },
    async end(signal) {
      if (hasEnded()) return child.exitCode;
      const ended = once(child, "close");
      child.kill(signal);
      await ended;
      return child.exitCode;
    },
  };
}

/** A port that was free just now, and that nothing is given by chance until it is bound. */
export function freePort(): Promise<number> {
  return onFreePort(async (port) => {
    const probe = createServer().listen(port, "127.0.0.1");
    await once(probe, "listening");
    probe.close();
    await once(probe, "close");
    return port;
  });
}

/**
 * Draws a port that this process has not drawn before, and another one when `bind` finds that it is taken.
 * @param bind rejects with the code EADDRINUSE where it is taken
 */
export async function onFreePort<T>(bind: (port: number) => Promise<T>): Promise<T> {
  for (;;) {
    const port = randomInt(PORTS.from, PORTS.below);
    if (drawnPorts.has(port)) continue;
    drawnPorts.add(port);
    try {
      return await bind(port);
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EADDRINUSE")) throw error;
    }
  }
}
