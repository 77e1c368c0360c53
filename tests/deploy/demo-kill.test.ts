// `npm run demo:kill` as somebody runs it who has just cloned the repository, and without a Redis on the machine.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { requireProgram } from "../support/needed-programs.ts";

const DEMO = join(import.meta.dirname, "../../deploy/demo-kill.ts");

async function run(env: NodeJS.ProcessEnv) {
  const startedAt = performance.now();
  const child = spawn(process.execPath, [DEMO], { env, stdio: ["ignore", "pipe", "pipe"] });
  const [output, errors, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close"),
  ]);
  return { output, errors, code, tookMs: performance.now() - startedAt };
}

/** Resolves when nobody takes connections at the port any more. */
async function closed(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, "127.0.0.1");
    try {
      await once(socket, "connect");
    } catch {
      // Refused: it is gone.
      return;
    }
    socket.destroy();
    await pause(10);
  }
}

/** A signal of 0 asks whether the process is there. */
function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    // ESRCH: it is not.
    return false;
  }
}

it("the demonstration kills the speaker, loses nothing, ends by itself in a minute and leaves no process", async (t) => {
  const REDIS_SERVER_PATH = requireProgram("redis-server", process.env);
  const { output, errors, code, tookMs } = await run({ ...process.env, REDIS_SERVER_PATH });
  t.diagnostic(`${Math.round(tookMs)} ms`);
  assert.equal(errors, "");
  assert.equal(code, 0, output);
  assert.ok(tookMs < 60_000, `${tookMs} ms`);
  assert.match(output, /kill -9 \d+.*[\s\S]*back, on B[\s\S]*takes over[\s\S]*0 lost, 0 repeated/);
  assert.equal(output.match(/✔/g)?.length, 3, output);
  assert.ok(!output.includes("\u001b"), "control characters in a pipe");
  const pids = [...output.matchAll(/process (\d+), on port/g)].map(([, pid]) => Number(pid));
  assert.equal(pids.length, 2);
  assert.deepEqual(pids.filter(isAlive), []);
});

it("Ctrl-C ends the demonstration at once, with 130, and every server that it started", async () => {
  const child = spawn(process.execPath, [DEMO], { env: process.env, stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  for await (const chunk of child.stdout) {
    output += String(chunk);
    if (output.includes("connected to A")) child.kill("SIGINT");
  }
  const code = child.exitCode ?? (await once(child, "close"))[0];
  assert.equal(code, 130);
  const ports = [...output.matchAll(/on port (\d+)/g)].map(([, port]) => Number(port));
  assert.equal(ports.length, 3, output);
  for (const port of ports) await closed(port);
});

it("without a Redis it says what to install and ends with 1", async () => {
  const { output, errors, code } = await run({
    PATH: "/nowhere",
    REDIS_SERVER_PATH: "/nowhere/redis-server",
  });
  assert.deepEqual([code, output], [1, ""]);
  assert.match(errors, /needs a redis-server.*\n.*apt-get install -y redis-server/);
});
