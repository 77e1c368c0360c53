// A process that was held up while it read goes on with its timers: nobody is cut off whose answer has come meanwhile.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { clientFrame, handshake, OPCODE, openRawSocket } from "../support/raw-socket.ts";
import { until } from "../support/until.ts";
import { PATH, startWebSocketHost } from "../support/websocket-host.ts";

// Wide: between a ping and its answer another stop of this process would be a client that does not answer.
const HEARTBEAT_MS = 400;
const IDLE_MS = 700;
const ROUNDS = [1, 2];

/** Stops this process, server and client alike, without using the processor. */
function stall(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

async function open(t: TestContext, idleTtlMs: number) {
  const host = await startWebSocketHost(t, { heartbeatMs: HEARTBEAT_MS, idleTtlMs });
  const raw = await openRawSocket(t, host.port, handshake(PATH));
  const pings = () => raw.frames.filter(({ opcode }) => opcode === OPCODE.ping).length;
  /** The frames are written, and the next round is due, before the server reads anything again. */
  const answerLate = async (stalledMs: number, ...frames: readonly Uint8Array[]) => {
    setTimeout(() => {
      for (const frame of frames) raw.write(frame);
    }, 1);
    await nextTurn();
    stall(stalledMs);
    await nextTurn();
  };
  return { host, raw, pings, answerLate };
}

test("a client whose pong has come, and was not read yet, stays", async (t) => {
  const { host, raw, pings, answerLate } = await open(t, 3_600_000);
  for (const round of ROUNDS) {
    await until(`ping ${round}`, () => pings() === round);
    await answerLate(1.5 * HEARTBEAT_MS, clientFrame(OPCODE.pong));
  }
  await until("one more ping", () => pings() > ROUNDS.length);
  assert.equal(raw.isClosed, false);
  assert.deepEqual(host.logger.named("heartbeat_timeout"), []);
});

test("a client whose words have come, and were not read yet, is not idle", async (t) => {
  const { host, raw, pings, answerLate } = await open(t, IDLE_MS);
  for (const round of ROUNDS) {
    await until(`ping ${round}`, () => pings() === round);
    await answerLate(1.5 * IDLE_MS, clientFrame(OPCODE.pong), clientFrame(OPCODE.text, "x"));
  }
  assert.deepEqual(host.logger.named("connection_ttl_expired"), []);
  assert.equal(raw.isClosed, false);
});
