// Which way the next attempt takes.

import assert from "node:assert/strict";
import { it } from "node:test";
import { Blockade } from "#app/web/blockade.ts";

const MINUTE_MS = 60_000;

it("one refusal can be chance, the second one counts", () => {
  const blockade = new Blockade();
  assert.equal(blockade.choose(0), "websocket");
  assert.equal(blockade.refused("failed", 0), false);
  assert.equal(blockade.choose(0), "websocket");
  assert.equal(blockade.refused("failed", 0), true);
  assert.equal(blockade.choose(0), "sse");
});

it("a WebSocket that hangs is not tried twice", () => {
  const blockade = new Blockade();
  assert.equal(blockade.refused("slow", 0), true);
  assert.equal(blockade.choose(1), "sse");
});

it("what got through once begins to count anew", () => {
  const blockade = new Blockade();
  blockade.refused("failed", 0);
  blockade.passed();
  assert.equal(blockade.refused("failed", 0), false);
});

it("WebSockets are tried again after a few minutes, and one more refusal is enough then", () => {
  const blockade = new Blockade();
  blockade.refused("slow", 0);
  assert.equal(blockade.choose(2 * MINUTE_MS), "sse");
  assert.equal(blockade.choose(4 * MINUTE_MS), "websocket");
  assert.equal(blockade.refused("failed", 4 * MINUTE_MS), true);
  assert.equal(blockade.choose(5 * MINUTE_MS), "sse");
});
