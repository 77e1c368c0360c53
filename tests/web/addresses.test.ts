// The endpoints of a server from one base.

import assert from "node:assert/strict";
import { it } from "node:test";
import { createAddresses } from "#app/web/addresses.ts";

const all = (from: Parameters<typeof createAddresses>[0]) => {
  const addresses = createAddresses(from);
  return [addresses.socket, addresses.probe({ kind: "object", id: "engine" }), addresses.conversation("c1")];
};

it("come from a host, with its port, its security and the path before the interface", () => {
  assert.deepEqual(all({ host: "https://example.org" }), [
    "wss://example.org/api/v1/chat/ws",
    "https://example.org/api/v1/objects/engine",
    "https://example.org/api/v1/conversations/c1",
  ]);
  assert.deepEqual(all({ host: "http://localhost:8000/chat/" }), [
    "ws://localhost:8000/chat/api/v1/chat/ws",
    "http://localhost:8000/chat/api/v1/objects/engine",
    "http://localhost:8000/chat/api/v1/conversations/c1",
  ]);
});

it("come from the whole address of the socket, which is used as it is", () => {
  assert.deepEqual(all({ url: "wss://example.org/p/api/v1/chat/ws?persona=engineer" }), [
    "wss://example.org/p/api/v1/chat/ws?persona=engineer",
    "https://example.org/p/api/v1/objects/engine",
    "https://example.org/p/api/v1/conversations/c1",
  ]);
  assert.deepEqual(all({ url: "ws://example.org:1/x" }).slice(1), [
    "http://example.org:1/api/v1/objects/engine",
    "http://example.org:1/api/v1/conversations/c1",
  ]);
});

it("that answer for a socket are the list of personas where nobody was chosen", () => {
  const addresses = createAddresses({ host: "http://example.org:1" });
  assert.equal(addresses.probe(undefined), "http://example.org:1/api/v1/personas");
});

it("cannot come from nothing, from a bare name, or from another kind of address", () => {
  for (const from of [
    {},
    { host: "" },
    { host: "example.org" },
    { host: "localhost:8000" },
    { url: "file:///x" },
  ])
    assert.throws(() => createAddresses(from), JSON.stringify(from));
});
