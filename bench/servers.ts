// Starts what is compared: the upstream, RAW and Parley, each a process of its own with the same flags of Node.

import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../deploy/demo/server-process.ts";
import { Child, LOAD_CORE, SERVER_CORE } from "./child.ts";

export type ServerKind = "raw" | "parley";

export interface Server {
  readonly kind: ServerKind;
  readonly child: Child;
  /** Where its WebSocket is. */
  readonly url: string;
}

const START_MS = 30_000;
/** Those of `npm start`, for both. */
const NODE_FLAGS = ["--max-semi-space-size=8", "--import", join(import.meta.dirname, "lag-probe.ts")];
/** Everything on as by default, but for the limits of one visitor: they are not what is measured. */
const PARLEY_SETTINGS = {
  LOG_LEVEL: "warn",
  LLM_PROVIDER: "openai",
  OPENAI_MODEL: "bench",
  DAILY_TOKEN_BUDGET: "999999999999",
  RUNS_AT_ONCE: "100000",
  RUNS_AT_ONCE_PER_VISITOR: "1000",
  MESSAGES_PER_MINUTE: "1000000",
  MESSAGES_PER_MINUTE_PER_CONNECTION: "1000000",
  WS_MAX_CONNECTIONS_PER_ADDRESS: "100000",
  WS_MAX_CONNECTIONS: "100000",
};

export async function startUpstream(): Promise<{ readonly child: Child; readonly baseUrl: string }> {
  const child = new Child(LOAD_CORE, [join(import.meta.dirname, "upstream.ts")]);
  const { port } = await child.hear<{ type: "listening"; port: number }>("listening");
  return { child, baseUrl: `http://127.0.0.1:${port}/v1` };
}

/** @param settings further variables of Parley's environment, such as REDIS_URL */
export async function startServer(
  kind: ServerKind,
  baseUrl: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<Server> {
  const port = await freePort();
  const root = join(import.meta.dirname, "..");
  const program = kind === "raw" ? join(import.meta.dirname, "raw-relay.ts") : join(root, "app/main.ts");
  const child = new Child(SERVER_CORE, [...NODE_FLAGS, program], {
    PORT: String(port),
    HOST: "127.0.0.1",
    DATA_DIR: join(root, "data"),
    OPENAI_BASE_URL: baseUrl,
    ...(kind === "parley" ? { ...PARLEY_SETTINGS, ...settings } : { OPENAI_MODEL: "bench" }),
  });
  await untilAnswers(child, `http://127.0.0.1:${port}/health/ready`, kind === "raw" ? 426 : 200);
  const path = kind === "raw" ? "/" : "/api/v1/chat/ws";
  return { kind, child, url: `ws://127.0.0.1:${port}${path}` };
}

async function untilAnswers(child: Child, url: string, status: number): Promise<void> {
  const deadline = performance.now() + START_MS;
  while (performance.now() < deadline && !child.hasEnded) {
    const response = await fetch(url).catch(() => undefined);
    await response?.arrayBuffer();
    if (response?.status === status) return;
    await sleep(50);
  }
  await child.stop();
  throw new Error(`a server did not start:\n${child.lastWords}`);
}
