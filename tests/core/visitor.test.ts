// What stands for a visitor: the same under one key, another one under any other, and no address.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { openVisitorNames } from "#app/core/redis-visitor-key.ts";
import { VisitorNames } from "#app/core/visitor.ts";

const ADDRESS = "203.0.113.9";

describe("a visitor's name", () => {
  const { of: visitorOf } = new VisitorNames();

  it("is the same for the same address, another one for another", () => {
    assert.equal(visitorOf(ADDRESS), visitorOf(ADDRESS));
    assert.notEqual(visitorOf(ADDRESS), visitorOf("203.0.113.10"));
  });

  it("is one for whoever owns a /64 of IPv6, and another one for the next /64", () => {
    assert.equal(visitorOf("2001:db8:1:2::1"), visitorOf("2001:db8:1:2:ffff:ffff:ffff:ffff"));
    assert.notEqual(visitorOf("2001:db8:1:2::1"), visitorOf("2001:db8:1:3::1"));
  });

  it("is there for an address that could not be read, too", () => {
    assert.equal(visitorOf("unknown"), visitorOf("unknown"));
    assert.notEqual(visitorOf("unknown"), visitorOf(""));
  });

  it("has the form of an id and holds nothing of the address", () => {
    for (const address of [ADDRESS, "::1", "unknown"]) {
      assert.match(visitorOf(address), /^[\w-]{16}$/);
      assert.ok(!visitorOf(address).includes(address));
    }
  });

  it("means nothing to whoever has another key", async () => {
    assert.notEqual(visitorOf(ADDRESS), new VisitorNames().of(ADDRESS));
    const [one, other] = [
      await openVisitorNames(undefined, AbortSignal.abort()),
      await openVisitorNames(undefined, AbortSignal.abort()),
    ];
    assert.notEqual(one(ADDRESS), other(ADDRESS));
  });
});
