// deploy/nginx.conf run by a real nginx on free ports of the loopback, without root and in a folder of its own.
// Promises: what is replaced are ports, paths and the user, nothing that decides; a line to replace that is not in the
// file fails the test.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { freePort } from "../../deploy/demo/server-process.ts";
import { requireProgram } from "../support/needed-programs.ts";

const CONF = join(import.meta.dirname, "../../deploy/nginx.conf");
const START_MS = 5_000;
const LOG_MS = 2_000;

export interface Nginx {
  readonly port: number;
  /** What it warned of. */
  errors(): Promise<string>;
  /** The lines of that method's requests, see LOG_FORMAT; waits until there are `count`, for they come afterwards. */
  accesses(method: string, count: number): Promise<readonly string[]>;
}

/** Status, request, and the instances that were asked, in order, with what each answered. */
const LOG_FORMAT = "log_format tried '$status $request_method $uri $upstream_addr $upstream_status';";

/** Starts it in front of two instances; it is gone with the test. */
export async function startNginx(t: TestContext, instancePorts: readonly [number, number]): Promise<Nginx> {
  const folder = await mkdtemp(join(tmpdir(), "parley-nginx-"));
  // As root, nginx works as another user.
  await chmod(folder, 0o755);
  const port = await freePort();
  const conf = join(folder, "nginx.conf");
  await writeFile(conf, adapt(readFileSync(CONF, "utf8"), { folder, port, instancePorts }));
  const program = requireProgram("nginx", process.env);
  // In the foreground, so that it is a child that can be ended by its id; its workers go with it.
  const args = ["-p", folder, "-c", conf, "-e", join(folder, "error.log"), "-g", "daemon off;"];
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  const closed = once(child, "close");
  t.after(async () => {
    child.kill("SIGTERM");
    await closed;
    await rm(folder, { recursive: true, force: true });
  });
  const deadline = performance.now() + START_MS;
  while (!(await answers(port))) {
    if (child.exitCode !== null || performance.now() > deadline)
      throw new Error(`nginx did not start: ${said}`);
    await pause(10);
  }
  return {
    port,
    errors: () => readFile(join(folder, "error.log"), "utf8"),
    accesses: (method, count) => readAccesses(join(folder, "access.log"), method, count),
  };
}

async function readAccesses(log: string, method: string, count: number): Promise<readonly string[]> {
  const deadline = performance.now() + LOG_MS;
  for (;;) {
    const lines = (await readFile(log, "utf8")).split("\n").filter((line) => line.includes(` ${method} `));
    if (lines.length >= count) return lines;
    if (performance.now() > deadline)
      throw new Error(`${lines.length} of ${count} lines: ${lines.join("; ")}`);
    await pause(10);
  }
}

/** A request from an address of the loopback of its own, as a visitor's is not the proxy's. */
export async function ask(
  port: number,
  path: string,
  {
    from = "127.0.0.2",
    headers = {},
    body,
  }: { from?: string; headers?: Record<string, string>; body?: object } = {},
) {
  const asked = request({
    port,
    path,
    host: "127.0.0.1",
    localAddress: from,
    agent: false,
    method: body ? "POST" : "GET",
    headers: { ...headers, ...(body ? { "content-type": "application/json" } : {}) },
  });
  asked.end(body && JSON.stringify(body));
  const [response] = await once(asked, "response");
  return { status: response.statusCode, headers: response.headers, body: await text(response) };
}

interface Place {
  readonly folder: string;
  readonly port: number;
  readonly instancePorts: readonly [number, number];
}

function adapt(original: string, { folder, port, instancePorts: [first, second] }: Place): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `    ${name}_temp_path ${join(folder, name)};`,
  );
  const replacements: readonly (readonly [string, string])[] = [
    ["user www-data;\n", ""],
    ["worker_processes auto;", "worker_processes 2;"],
    ["worker_rlimit_nofile 65536;\n", ""],
    ["worker_connections 32768;", "worker_connections 256;"],
    ["/run/nginx.pid", join(folder, "nginx.pid")],
    ["/var/log/nginx/error.log", join(folder, "error.log")],
    ["http {\n", `http {\n    ${LOG_FORMAT}\n${temporary.join("\n")}\n`],
    ["/var/log/nginx/access.log;", `${join(folder, "access.log")} tried;`],
    ["listen 80;", `listen 127.0.0.1:${port};`],
    ["127.0.0.1:8001", `127.0.0.1:${first}`],
    ["127.0.0.1:8002", `127.0.0.1:${second}`],
  ];
  return replacements.reduce((conf, [from, to]) => {
    if (conf.split(from).length !== 2)
      throw new Error(`${from.trim()} does not stand once in deploy/nginx.conf`);
    return conf.replace(from, () => to);
  }, original);
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    // Refused: not yet.
    return false;
  } finally {
    socket.destroy();
  }
}
