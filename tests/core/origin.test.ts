// Which pages may connect: exact origins, and nothing that only looks like one.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isOriginAllowed } from "#app/core/origin.ts";

describe("with a list of origins", () => {
  const allowed = ["https://example.org", "https://chat.example.org:8443"];
  const cases: readonly (readonly [origin: string | undefined, expected: boolean, why: string])[] = [
    [undefined, true, "no Origin is no browser"],
    ["https://example.org", true, "an exact match"],
    ["https://chat.example.org:8443", true, "an exact match with a port"],
    ["null", false, "a sandboxed frame or a file"],
    ["", false, "an empty Origin"],
    ["http://example.org", false, "another scheme"],
    ["https://example.org:8443", false, "another port"],
    ["https://chat.example.org", false, "a port left out"],
    ["https://example.org.evil.net", false, "the host as a prefix"],
    ["https://evil-example.org", false, "the host as a suffix"],
    ["https://sub.example.org", false, "a subdomain"],
    ["https://exampleXorg", false, "a dot is a dot"],
    ["https://example.org/", false, "not the serialised form"],
    ["https://example.org, https://evil.net", false, "two headers in one"],
    ["https://EXAMPLE.org", false, "not what a browser writes"],
  ];
  for (const [origin, expected, why] of cases) {
    test(`${String(origin)} is ${expected ? "allowed" : "refused"}: ${why}`, () => {
      assert.equal(isOriginAllowed(origin, "example.org", allowed), expected);
    });
  }
});

describe("with an empty list, only pages of the same host", () => {
  const cases: readonly (readonly [
    origin: string | undefined,
    host: string | undefined,
    expected: boolean,
  ])[] = [
    [undefined, "example.org", true],
    ["https://example.org", "example.org", true],
    ["http://example.org", "example.org", true],
    ["https://example.org", "example.org:443", true],
    ["https://example.org", "EXAMPLE.org", true],
    ["http://localhost:8000", "localhost:8000", true],
    ["http://[::1]:8000", "[::1]:8000", true],
    ["http://localhost:8001", "localhost:8000", false],
    ["https://evil.net", "example.org", false],
    ["https://example.org.evil.net", "example.org", false],
    ["null", "example.org", false],
    ["null", "null", false],
    ["file://example.org", "example.org", false],
    ["https://user@example.org", "example.org", false],
    ["https://example.org/path", "example.org", false],
    ["https://evil.net", "example.org@evil.net", false],
    ["https://evil.net", "evil.net/example.org", false],
    ["https://example.org", undefined, false],
    ["https://example.org", "", false],
  ];
  for (const [origin, host, expected] of cases) {
    test(`${String(origin)} at ${String(host)} is ${expected ? "allowed" : "refused"}`, () => {
      assert.equal(isOriginAllowed(origin, host, []), expected);
    });
  }
});

test("a star allows every page", () => {
  assert.equal(isOriginAllowed("https://anything.example", "example.org", ["*"]), true);
  assert.equal(isOriginAllowed("null", "example.org", ["*"]), true);
});
