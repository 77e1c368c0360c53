// Checks that are tried out: their deadlines, and that nothing secret gets into what they say.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, test } from "node:test";
import { CheckFailure, diagnose } from "#app/core/diagnosis.ts";

describe("a diagnosis", () => {
  test("says in order what was found, what was not tried and what failed, each with its time", async () => {
    const results = await diagnose([
      { name: "a", run: async () => "Found." },
      { name: "b", run: async () => ({ skipped: "Nothing to try." }) },
      { name: "c", run: () => Promise.reject(new CheckFailure("The key is refused.")) },
    ]);
    assert.deepEqual(
      results.map(({ name, status, message }) => [name, status, message]),
      [
        ["a", "ok", "Found."],
        ["b", "skipped", "Nothing to try."],
        ["c", "failed", "The key is refused."],
      ],
    );
    for (const { durationMs } of results) assert.ok(durationMs >= 0 && durationMs < 3_000);
  });

  test("gives a check that hangs up at its own deadline, and the others their answer", async () => {
    let signal: AbortSignal | undefined;
    const hang = (given: AbortSignal) => {
      signal = given;
      return new Promise<string>(() => undefined);
    };
    const results = await diagnose(
      [
        { name: "hangs", run: hang },
        { name: "works", run: async () => "Fine." },
      ],
      50,
    );
    assert.deepEqual(
      results.map(({ status, message }) => [status, message]),
      [
        ["failed", "It took too long: no answer within 50 ms."],
        ["ok", "Fine."],
      ],
    );
    assert.equal(signal?.aborted, true);
  });

  test("never repeats an error's own words, which may hold a path or a password", async () => {
    const secret = "redis://user:hunter2@10.0.0.1/0";
    const [plain, coded, thrown, sync] = await diagnose([
      { name: "plain", run: () => Promise.reject(new Error(`cannot reach ${secret}`)) },
      { name: "coded", run: async () => await readFile("/no/such/folder/hunter2", "utf8") },
      { name: "thrown", run: () => Promise.reject(Object.assign(new Error(secret), { code: secret })) },
      {
        name: "sync",
        run() {
          throw new Error(secret);
        },
      },
    ]);
    assert.equal(plain?.message, "It failed; the log may say more.");
    assert.equal(coded?.message, "It failed with ENOENT.");
    assert.equal(thrown?.message, "It failed; the log may say more.");
    assert.equal(sync?.status, "failed");
    assert.doesNotMatch(JSON.stringify([plain, coded, thrown, sync]), /hunter2/);
  });
});
