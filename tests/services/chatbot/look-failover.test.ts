// A failover in the middle of a look: the demoted primary refuses the first call, which is made again on the new one, and
// answers the others from a history that is none any more. Whoever comes back hears what is said from then on.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { it } from "node:test";
import type { Position } from "#app/services/chatbot/conversations.ts";
import { createRedisBundle, type RedisBundle } from "#app/services/chatbot/redis-bundle.ts";
import { createRecordingLogger } from "../../support/recording-logger.ts";
import { TTL_MS } from "../../support/redis-harness.ts";
import { RedisServer } from "../../support/redis-server.ts";
import { follow } from "./coming-back.ts";
import { contents, start, startJoined } from "./talking.ts";
import { atRest, finished, type Scene, say } from "./talking-on-redis.ts";

/** A replica is fed as soon as it asks. */
const PRIMARY = { args: ["--repl-diskless-sync-delay", "0"] } as const;
/** Where nobody listens. */
const NOWHERE = ["127.0.0.1", "1"] as const;

/** One address for whoever is primary: new connections are carried to the port that it is set to. */
async function startFront(port: number) {
  const front = { port, url: "" };
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(front.port, "127.0.0.1");
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.pipe(other);
      socket.on("error", () => socket.destroy());
      socket.once("close", () => other.destroy());
    }
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(typeof address === "object" && address);
  front.url = `redis://127.0.0.1:${address.port}`;
  return {
    front,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** Instances reach their Redis under that address. */
async function openBundle(url: string, instanceId: string): Promise<RedisBundle & AsyncDisposable> {
  const logger = createRecordingLogger();
  const bundle = await createRedisBundle({ url, conversationTtlMs: TTL_MS, instanceId, logger });
  return { ...bundle, [Symbol.asyncDispose]: () => bundle.close() };
}

/**
 * A visitor is told two answers, the second by a primary that is to be none any more: the promoted one knows the first
 * alone. Returns how far that visitor has read.
 */
async function talkAhead(scene: Scene, demoted: RedisServer, promoted: RedisServer): Promise<Position> {
  const { client } = scene;
  await say(client, "one");
  await finished(client, 1);
  await atRest(scene);
  await follow(promoted, demoted);
  await promoted.command("REPLICAOF", "NO", "ONE");
  await say(client, "two");
  await finished(client, 2);
  await atRest(scene);
  client.session.close();
  // A primary that gets its first replica begins another life of the log, and that is told.
  const { epoch } = Object(client.shown.named("joined").at(-1)?.value);
  return { epoch, after: Number(client.shown.seqs.at(-1)) };
}

for (const [how, withPosition] of [
  ["with a position", true],
  ["without a position", false],
] as const)
  it(`who comes back ${how} while the primary changes hears what the new one says, from what it has`, async (test) => {
    await using demoted = await RedisServer.start(PRIMARY);
    await using promoted = await RedisServer.start(PRIMARY);
    await using address = await startFront(demoted.port);
    await using bundle = await openBundle(address.front.url, "here");
    const scene = await startJoined(test, { storage: bundle });
    const position = await talkAhead(scene, demoted, promoted);
    address.front.port = promoted.port;
    await demoted.command("REPLICAOF", ...NOWHERE);

    const next = scene.connect();
    const told = await next.tell({ ...scene.back, ...(withPosition && position) }, "joined");
    assert.notEqual(told.epoch, position.epoch);
    assert.equal(told.recovered, withPosition ? false : undefined);
    const [snapshot] = next.shown.named("MESSAGES_SNAPSHOT");
    assert.deepEqual(contents(snapshot), ["one", "ok"]);
    const { seq } = Object(snapshot).metadata;
    assert.deepEqual([told.lastSeq, Number(seq) < position.after], [seq, true]);
    await say(next, "three");
    await finished(next, 1);
    assert.equal(next.shown.seqs[0], seq + 1);
    await atRest(scene);
  });

it("who comes back while the primary changes is not led on by the old one where the new one has said as much", async (test) => {
  await using demoted = await RedisServer.start(PRIMARY);
  await using promoted = await RedisServer.start(PRIMARY);
  await using address = await startFront(demoted.port);
  await using bundle = await openBundle(address.front.url, "here");
  await using ahead = await openBundle(promoted.url, "there");
  const scene = await startJoined(test, { storage: bundle });
  const position = await talkAhead(scene, demoted, promoted);
  const there = start(test, { storage: ahead });
  const other = there.connect();
  await other.session.handle(scene.back);
  await say(other, "three");
  await finished(other, 1);
  await atRest(there);
  address.front.port = promoted.port;
  await demoted.command("REPLICAOF", ...NOWHERE);

  const next = scene.connect();
  const told = await next.tell({ ...scene.back, ...position }, "joined");
  // Its number stands there, too, for something else.
  assert.deepEqual([told.lastSeq, told.recovered], [position.after, false]);
  assert.deepEqual(contents(next.shown.named("MESSAGES_SNAPSHOT")[0]), ["one", "ok", "three", "ok"]);
  await say(other, "four");
  await finished(next, 1);
  assert.equal(next.shown.seqs[0], position.after + 1);
});
