// What every script promises by its form: its keys lie in one slot, and it touches nothing but its keys.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { defineScript } from "#app/core/redis-script.ts";
import { createToken } from "#app/core/secrets.ts";
import { REDIS_SCRIPTS } from "#app/services/chatbot/redis-bundle.ts";
import { keysOf } from "#app/services/chatbot/redis-keys.ts";
import { type RedisInstances, startInstances } from "../../support/redis-harness.ts";

/** Commands that take no key. What PUBLISH names is a channel, which every node of a cluster passes on. */
const KEYLESS = new Set(["INFO", "TIME", "PUBLISH"]);
/** Commands all of whose arguments are keys. */
const ALL_KEYS = new Set(["DEL"]);

describe("the scripts of the Redis bundle", () => {
  let instances: RedisInstances | undefined;
  before(async () => {
    instances = await startInstances({ cluster: true });
  });
  after(() => instances?.[Symbol.asyncDispose]());

  it("are twenty-one, each of another name and source", () => {
    assert.equal(REDIS_SCRIPTS.length, 21);
    for (const field of ["name", "sha"] as const) {
      assert.equal(new Set(REDIS_SCRIPTS.map((script) => script[field])).size, REDIS_SCRIPTS.length);
    }
  });

  for (const script of REDIS_SCRIPTS) {
    it(`${script.name} has all its keys in the slot of the conversation`, async () => {
      assert.ok(instances);
      const id = createToken();
      const { client } = instances.here.connection;
      const slot = await client.cluster("KEYSLOT", id);
      for (const key of keysOf(script, id)) assert.equal(await client.cluster("KEYSLOT", key), slot, key);
    });

    it(`${script.name} touches nothing but its keys`, () => {
      const names = new Set(script.keys.map((key) => key.toUpperCase()));
      const calls = [...script.source.matchAll(/redis\.(?:p?call)\(([^()]*)/g)].map(([, words = ""]) =>
        words.split(",").map((word) => word.trim()),
      );
      assert.ok(calls.length > 0);
      for (const [command = "", ...words] of calls) {
        assert.match(command, /^"[A-Z]+"$/, "a command is written out");
        const name = command.slice(1, -1);
        if (KEYLESS.has(name)) continue;
        const keys = ALL_KEYS.has(name) ? words : words.slice(0, 1);
        for (const key of keys) assert.ok(names.has(key), `${name} ${key}`);
      }
      assert.equal([...script.source.matchAll(/KEYS\[/g)].length, script.keys.length, "keys are named once");
      assert.doesNotMatch(script.source, /"parley:\{/, "no key is made in Lua");
    });
  }

  it("are known to the server as soon as an instance has connected", async () => {
    assert.ok(instances);
    const { client } = instances.here.connection;
    const known = await client.script("EXISTS", ...REDIS_SCRIPTS.map(({ sha }) => sha));
    assert.deepEqual(
      known,
      REDIS_SCRIPTS.map(() => 1),
    );
  });

  it("are refused by a node of a cluster with keys of two slots, handed in or made on the way", async () => {
    assert.ok(instances);
    const { connection } = instances.here;
    const [script] = REDIS_SCRIPTS;
    assert.ok(script);
    const keys = keysOf(script, createToken());
    const mixed = [...keys.slice(0, -1), ...keysOf(script, createToken()).slice(-1)];
    await assert.rejects(connection.run(script, mixed, []), (error: Error) =>
      /CROSSSLOT/.test(String(error.cause)),
    );
    const stray = defineScript({
      name: "stray",
      keys: ["meta"],
      body: 'return redis.call("GET", META .. "x")',
    });
    const untagged = connection.run(stray, ["untagged"], []);
    await assert.rejects(untagged, (error: Error) => /same slot/.test(String(error.cause)));
  });
});
