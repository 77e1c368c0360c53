// The door of ioredis, on a real server: connecting and refusing to, order, translation, and what is never said.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { inspect } from "node:util";
import { AppError, toAppError } from "#app/core/errors.ts";
import { connectRedis, type RedisConnection } from "#app/core/redis.ts";
import { defineScript } from "#app/core/redis-script.ts";
import { assertWithin } from "../support/held-up.ts";
import { createRecordingLogger } from "../support/recording-logger.ts";
import { startPretender, startRelay } from "../support/redis-relay.ts";
import { RedisServer, type RedisServerOptions } from "../support/redis-server.ts";
import { until } from "../support/until.ts";

/** Adds a number to a list if it follows the last one: what was sent second must not come first. */
const COUNT = defineScript({
  name: "count",
  keys: ["list"],
  ordered: true,
  body: `
local last = redis.call("LINDEX", LIST, -1) or "0"
if tonumber(ARGV[1]) ~= last + 1 then return fail("out_of_order") end
return redis.call("RPUSH", LIST, ARGV[1])`,
});
const SAY = defineScript({ name: "say", keys: ["list"], body: "return ARGV[1]" });
const FAIL = defineScript({ name: "fail", keys: ["list"], body: "return fail(ARGV[1])" });
const BROKEN = defineScript({ name: "broken", keys: ["list"], body: "return nobody()" });
const MIXED = defineScript({ name: "mixed", keys: ["list"], body: 'return redis.call("GET", LIST)' });
/** Keeps the server busy for a millisecond or so. */
const SPIN = defineScript({ name: "spin", keys: ["list"], body: "for _ = 1, 200000 do end return 1" });
const SECRET = "hush-hush/%25 word";

async function start(options: RedisServerOptions = {}, scripts = [COUNT, SAY]) {
  const server = await RedisServer.start(options);
  const log = createRecordingLogger();
  const { connection, version } = await connectRedis({ url: server.url, logger: log, scripts });
  return {
    server,
    connection,
    version,
    log,
    async [Symbol.asyncDispose]() {
      await connection.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

async function connectTo(url: string, log = createRecordingLogger()) {
  const { connection } = await connectRedis({ url, logger: log, scripts: [COUNT] });
  return { connection, [Symbol.asyncDispose]: () => connection.close() };
}

describe("connecting", () => {
  it("tells the version, and is ready with its scripts loaded", async () => {
    await using redis = await start();
    assert.match(redis.version ?? "none", /^\d+\.\d+\.\d+/);
    assert.equal(redis.connection.isReady, true);
    assert.deepEqual(await redis.connection.client.script("EXISTS", COUNT.sha, SAY.sha), [1, 1]);
    const askedAt = performance.now();
    assertWithin("an answer", await redis.connection.ping(), 500, askedAt);
  });

  async function refusal(url: string, log = createRecordingLogger()): Promise<AppError> {
    const startedAt = performance.now();
    const error = await connectTo(url, log).then(() => assert.fail("connected"), toAppError);
    const tookMs = performance.now() - startedAt;
    assertWithin("the refusal", tookMs, 3_000, startedAt);
    assert.equal(error.code, "storage_unavailable");
    return error;
  }

  it("is storage_unavailable within 3 s where nobody listens, or somebody who does not answer", async () => {
    const server = await RedisServer.start();
    server.pause();
    await refusal(server.url);
    await server[Symbol.asyncDispose]();
    assert.match(String((await refusal(server.url)).cause), /ECONNREFUSED/);
    assert.match(String((await refusal("redis://no-such-host.invalid")).cause), /ENOTFOUND|EAI_AGAIN/);
  });

  it("is storage_unavailable within 3 s with TLS to a server without", async () => {
    await using server = await RedisServer.start();
    await refusal(server.url.replace("redis:", "rediss:"));
  });

  it("says what a server older than 7 lacks", async () => {
    await using old = await startPretender("6.2.14");
    assert.match(String((await refusal(old.url)).cause), /Redis 7 or later is needed .*6\.2\.14/);
  });

  it("keeps the password out of every line and error, right or wrong", async () => {
    await using redis = await start({ password: SECRET });
    assert.equal(await redis.connection.run(SAY, ["list"], ["open"]), "open");
    const log = createRecordingLogger();
    const wrong = await refusal(redis.server.url.replace(encodeURIComponent(SECRET), "wrong-guess"), log);
    assert.match(String(wrong.cause), /WRONGPASS/);
    await redis.server.kill();
    await until("it is noticed", () => !redis.connection.isReady);
    const lost = await redis.connection
      .run(SAY, ["list"], ["secret words"])
      .then(() => undefined, toAppError);
    assert.equal(lost?.code, "storage_unavailable");
    await redis.server.restart();
    await until("it is back", () => redis.log.named("redis_connection_restored").length > 0);
    const said = inspect([wrong, lost, log.lines, redis.log.lines], { depth: 20, showHidden: true });
    for (const secret of [SECRET, encodeURIComponent(SECRET), "wrong-guess", "secret words"]) {
      assert.ok(!said.includes(secret), secret);
    }
  });

  it("can be closed twice, and then answers nothing and leaves no connection", async () => {
    await using redis = await start();
    await Promise.all([redis.connection.close(), redis.connection.close()]);
    await assert.rejects(redis.connection.ping(), { code: "storage_unavailable" });
    await assert.rejects(redis.connection.run(SAY, ["list"], []), { code: "storage_unavailable" });
    const clients = await redis.server.command("CLIENT", "LIST", "TYPE", "normal");
    assert.doesNotMatch(clients, /name=parley/);
    assert.deepEqual(redis.log.named("redis_connection_lost"), []);
  });
});

describe("running scripts", () => {
  it("sends what is called in one tick in one write, in order, and waits for no answer", async () => {
    await using redis = await start();
    await using relay = await startRelay(redis.server.port);
    await using through = await connectTo(relay.url);
    const { connection } = through;
    relay.pieces.length = 0;
    const numbers = Array.from({ length: 50 }, (_, index) => index + 1);
    await Promise.all(numbers.map((number) => connection.run(COUNT, ["list"], [String(number)])));
    assert.equal(relay.pieces.filter((piece) => piece.includes(COUNT.sha)).length, 1);
  });

  async function count(connection: RedisConnection, from: number, to: number): Promise<void> {
    const calls: Promise<unknown>[] = [];
    for (let number = from; number <= to; number += 1)
      calls.push(connection.run(COUNT, ["list"], [String(number)]));
    await Promise.all(calls);
  }

  it("keeps the order of calls that do not wait for each other while the server forgets its scripts", async () => {
    await using redis = await start();
    await using other = await connectTo(redis.server.url);
    const { client } = redis.connection;
    for (let round = 0; round < 30; round += 1) {
      const from = round * 100 + 1;
      // Forgotten in front of the calls; between them another client brings the script back.
      const forgotten = client.script("FLUSH");
      const first = count(redis.connection, from, from + 49);
      const brought = other.connection.client.script("LOAD", COUNT.source);
      await Promise.race([first, brought]);
      const second = count(redis.connection, from + 50, from + 99);
      await Promise.all([forgotten, first, brought, second]);
    }
    assert.equal(await client.llen("list"), 3_000);
  });

  it("heals a forgotten script for each of many callers at once", async () => {
    await using redis = await start();
    await redis.connection.client.script("FLUSH");
    const words = Array.from({ length: 20 }, (_, index) => `word ${index}`);
    const said = await Promise.all(words.map((word) => redis.connection.run(SAY, ["list"], [word])));
    assert.deepEqual(said, words);
    assert.deepEqual(await redis.connection.client.script("EXISTS", SAY.sha), [1]);
  });

  it("heals a forgotten script while there is never a moment without calls", async () => {
    await using redis = await start();
    const { connection } = redis;
    await connection.client.script("FLUSH");
    await connection.client.script("LOAD", SPIN.source);
    let healed = false;
    const deadline = performance.now() + 2_000;
    const spin = async (): Promise<void> => {
      while (!healed && performance.now() < deadline) await connection.run(SPIN, ["list"], []);
    };
    // Each begins its next call in the moment of its last answer: something of the others is always under way.
    const flow = Promise.all([spin(), spin(), spin()]);
    void connection.run(SAY, ["list"], ["first"]).then(() => {
      healed = true;
    });
    await flow;
    assert.ok(healed, "before the flow of calls has ended");
  });

  for (const [maxAttempts, isAnswered] of [
    [1, false],
    [2, true],
  ] as const)
    it(`makes a call that was surely not carried out ${maxAttempts} times in all, where the settings say so`, async () => {
      await using server = await RedisServer.start();
      const logger = createRecordingLogger();
      const retry = { maxAttempts, waitMinMs: 50, waitMaxMs: 500 };
      const { connection } = await connectRedis({ url: server.url, logger, scripts: [SAY], retry });
      const lost = new Promise((resolve) => connection.client.once("close", resolve));
      await server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
      await lost;
      const answer = await connection
        .run(SAY, ["list"], ["word"])
        .catch((error: unknown) => toAppError(error).code);
      assert.equal(answer, isAnswered ? "word" : "storage_unavailable");
      assert.equal(logger.named("redis_call_retry").length, maxAttempts - 1);
      await connection.close();
    });

  it("translates what a script says of itself, what is wrong with it, and what ails the server", async () => {
    await using redis = await start();
    const { connection, server } = redis;
    const failure = (script = FAIL, args: string[] = []) =>
      connection.run(script, ["list"], args).catch(toAppError);
    for (const code of ["queue_full", "conversation_not_found", "id_conflict"] as const) {
      const error = await failure(FAIL, [code]);
      assert.ok(error instanceof AppError && error.code === code);
    }
    const cases = [
      [FAIL, ["no_such_code"], "internal_error", /PARLEY no_such_code/],
      [FAIL, ["constructor"], "internal_error", /PARLEY constructor/],
      [BROKEN, ["secret words"], "internal_error", /nobody/],
      [MIXED, [], "internal_error", /WRONGTYPE/],
    ] as const;
    await connection.run(COUNT, ["list"], ["1"]);
    for (const [script, args, code, cause] of cases) {
      const error = await failure(script, [...args]);
      assert.ok(error instanceof AppError && error.code === code, script.name);
      assert.match(String(error.cause), cause);
      // ioredis hangs the command with its arguments on the error.
      assert.doesNotMatch(inspect(error, { depth: 20, showHidden: true }), /secret words/);
    }
    await server.command("CONFIG", "SET", "maxmemory", "1");
    const full = await failure(COUNT, ["2"]);
    assert.ok(full instanceof AppError && full.code === "storage_unavailable" && full.retryAfterMs === 1_000);
    assert.match(String(full.cause), /OOM/);
  });
});
