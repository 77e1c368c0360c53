// What stands for a visitor: the same within this process, another one for everybody else, and no address.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { visitorOf } from "#app/core/visitor.ts";

test("the same address is the same visitor, another one is another", () => {
  assert.equal(visitorOf("203.0.113.9"), visitorOf("203.0.113.9"));
  assert.notEqual(visitorOf("203.0.113.9"), visitorOf("203.0.113.10"));
});

test("whoever owns a /64 of IPv6 is one visitor, and the next /64 another", () => {
  assert.equal(visitorOf("2001:db8:1:2::1"), visitorOf("2001:db8:1:2:ffff:ffff:ffff:ffff"));
  assert.notEqual(visitorOf("2001:db8:1:2::1"), visitorOf("2001:db8:1:3::1"));
});

test("an address that could not be read is a visitor too", () => {
  assert.equal(visitorOf("unknown"), visitorOf("unknown"));
  assert.notEqual(visitorOf("unknown"), visitorOf(""));
});

test("has the form of an id and holds nothing of the address", () => {
  for (const address of ["203.0.113.9", "::1", "unknown"]) {
    assert.match(visitorOf(address), /^[\w-]{16}$/);
    assert.ok(!visitorOf(address).includes(address));
  }
});

test("means nothing in another process", () => {
  const script =
    'import { visitorOf } from "#app/core/visitor.ts"; process.stdout.write(visitorOf("203.0.113.9"));';
  const elsewhere = execFileSync(process.execPath, ["--input-type=module-typescript", "-e", script], {
    encoding: "utf8",
  });
  assert.match(elsewhere, /^[\w-]{16}$/);
  assert.notEqual(elsewhere, visitorOf("203.0.113.9"));
});
