// The figures of the process: plausible, and an error where there is nothing to measure.

import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { readDisk, readMemory } from "#app/core/process-figures.ts";

test("memory has its bounds, and more memory in use is seen", () => {
  const before = readMemory();
  assert.ok(before.rssBytes > 1e7 && before.rssBytes < before.limitBytes);
  assert.ok(before.heapUsedBytes > 0 && before.heapUsedBytes < before.heapLimitBytes);
  const held = Buffer.alloc(64 * 1024 * 1024, 1);
  assert.ok(readMemory().rssBytes - before.rssBytes > 32 * 1024 * 1024);
  assert.equal(held.length, 64 * 1024 * 1024);
});

test("a disk has no more free than it has, and a folder that is not there has none", async () => {
  const { freeBytes, totalBytes } = await readDisk(tmpdir());
  assert.ok(freeBytes >= 0 && freeBytes <= totalBytes && totalBytes > 0);
  await assert.rejects(readDisk("/no/such/folder"), { code: "ENOENT" });
});
