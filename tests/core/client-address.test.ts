// Whose request it is, behind proxies that we run and behind headers that anybody can write.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createClientAddressReader, toAddressGroup } from "#app/core/client-address.ts";

describe("without trusted proxies", () => {
  const read = createClientAddressReader([]);

  test("X-Forwarded-For is never read", () => {
    assert.equal(read("203.0.113.9", "198.51.100.1"), "203.0.113.9");
  });

  test("an IPv4 address in IPv6 clothes is an IPv4 address", () => {
    assert.equal(read("::ffff:203.0.113.9", undefined), "203.0.113.9");
    assert.equal(read("::FFFF:cb00:7109", undefined), "203.0.113.9");
  });

  test("an IPv6 address has one spelling", () => {
    assert.equal(read("2001:DB8:0:0:0:0:0:1", undefined), "2001:db8::1");
    assert.equal(read("fe80::1%eth0", undefined), "fe80::1");
  });

  test("a socket that is gone has an unknown address", () => {
    assert.equal(read(undefined, "198.51.100.1"), "unknown");
  });
});

describe("behind trusted proxies", () => {
  const read = createClientAddressReader(["10.0.0.0/8", "127.0.0.1", "2001:db8:ffff::/48"]);
  const cases: readonly (readonly [
    why: string,
    peer: string,
    header: string | string[],
    expected: string,
  ])[] = [
    ["the hop the proxy wrote", "10.0.0.1", "198.51.100.7", "198.51.100.7"],
    ["the right-most untrusted hop, not the forged one", "10.0.0.1", "1.1.1.1, 198.51.100.7", "198.51.100.7"],
    ["through a chain of proxies", "10.0.0.1", "1.1.1.1, 198.51.100.7, 10.2.3.4", "198.51.100.7"],
    ["a forged trusted hop on the left", "10.0.0.1", "10.9.9.9, 198.51.100.7", "198.51.100.7"],
    ["several headers as one list", "10.0.0.1", ["1.1.1.1", "198.51.100.7"], "198.51.100.7"],
    ["a mapped peer", "::ffff:10.0.0.1", "198.51.100.7", "198.51.100.7"],
    ["a mapped hop", "127.0.0.1", "::ffff:198.51.100.7", "198.51.100.7"],
    ["an IPv6 proxy", "2001:db8:ffff::5", "2001:db8::9", "2001:db8::9"],
    ["a hop with a port", "10.0.0.1", "198.51.100.7:4711", "198.51.100.7"],
    ["an IPv6 hop with a port", "10.0.0.1", "[2001:db8::9]:4711", "2001:db8::9"],
    ["an untrusted peer's header is not read", "203.0.113.9", "198.51.100.7", "203.0.113.9"],
    ["an address beside the range is not trusted", "11.0.0.1", "198.51.100.7", "11.0.0.1"],
    ["only trusted hops: the left-most", "10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"],
    ["junk alone", "10.0.0.1", "unknown", "10.0.0.1"],
    ["junk hides what stands left of it", "10.0.0.1", "198.51.100.7, <script>", "10.0.0.1"],
    ["an empty header", "10.0.0.1", "", "10.0.0.1"],
    ["an empty hop", "10.0.0.1", "198.51.100.7,", "10.0.0.1"],
    ["an impossible address", "10.0.0.1", "999.1.1.1", "10.0.0.1"],
    ["many commas", "10.0.0.1", ",".repeat(10_000), "10.0.0.1"],
  ];
  for (const [why, peer, header, expected] of cases) {
    test(why, () => assert.equal(read(peer, header), expected));
  }
});

describe("a range that cannot be read is named", () => {
  for (const range of [
    "",
    "localhost",
    "10.0.0.0/33",
    "10.0.0.0/",
    "10.0.0.0/8/8",
    "::1/129",
    "10.0.0.0/-1",
  ]) {
    test(JSON.stringify(range), () => {
      assert.throws(() => createClientAddressReader([range]), {
        name: "RangeError",
        message: `Not an address or a CIDR range: ${JSON.stringify(range)}`,
      });
    });
  }
});

describe("limits count", () => {
  const cases = [
    ["203.0.113.9", "203.0.113.9"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["2001:db8:0:0:ffff::", "2001:db8:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["unknown", "unknown"],
  ] as const;
  for (const [address, group] of cases) {
    test(`${address} as ${group}`, () => assert.equal(toAddressGroup(address), group));
  }
});
