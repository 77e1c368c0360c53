// A Redis that was away and is back, perhaps with an older state: waiting for it, and asking what its log still goes on from.

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import type { RedisBundle } from "#app/services/chatbot/redis-bundle.ts";
import type { OpenLog } from "../../contracts/event-log-samples.ts";
import type { RedisServer } from "../../support/redis-server.ts";

const PATIENCE_MS = 15_000;
const POLL_MS = 20;
export async function eventually(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await holds())) {
    assert.ok(performance.now() < deadline, `${what}: not within ${PATIENCE_MS} ms`);
    await pause(POLL_MS);
  }
}

export async function reaches({ connection }: RedisBundle): Promise<void> {
  const answers = (): Promise<boolean> =>
    connection.ping().then(
      () => true,
      () => false,
    );
  await eventually("Redis answers again", answers);
}

export async function comeBack(server: RedisServer, ...bundles: RedisBundle[]): Promise<void> {
  await server.kill();
  await server.restart();
  await Promise.all(bundles.map(reaches));
}

/** The positions of that life that can be gone on from, and under which name of the log. */
export async function continued(
  bundle: RedisBundle,
  { id, head }: OpenLog,
  upTo: number,
): Promise<{ from: number[]; as: string[] }> {
  const positions = Array.from({ length: upTo + 2 }, (_, after) => after);
  const slices = await Promise.all(
    positions.map((after) => bundle.log.read(id, { epoch: head.epoch, after, limit: 100 })),
  );
  return {
    from: positions.filter((position) => slices[position] !== undefined),
    as: [...new Set(slices.flatMap((slice) => slice?.epoch ?? []))],
  };
}

export async function info(server: RedisServer, section: string, field: string): Promise<string | undefined> {
  const lines = (await server.command("INFO", section)).split("\r\n");
  return lines.find((line) => line.startsWith(`${field}:`))?.slice(field.length + 1);
}

/** Resolves when everything that stands there by now stands here, too. */
export async function follow(replica: RedisServer, primary: RedisServer): Promise<void> {
  await replica.command("REPLICAOF", "127.0.0.1", String(primary.port));
  await eventually("the replica is in step", async () => {
    if ((await info(replica, "replication", "master_link_status")) !== "up") return false;
    const there = await info(primary, "replication", "master_repl_offset");
    return there === (await info(replica, "replication", "slave_repl_offset"));
  });
}
