// Reading an event stream, however it is cut into pieces.

import assert from "node:assert/strict";
import { it } from "node:test";
import { readEventStream, type StreamPart } from "#app/web/event-stream.ts";

const STREAM =
  ': hello\n\nid: e1:1\ndata: {"a":1}\n\nevent: x\r\ndata:two\r\ndata: lines\r\n\r\ndata: çğü 𝄞\r\rretry: 5\n\ndata: cut';
const PARTS = [{ comment: "hello" }, { data: '{"a":1}' }, { data: "two\nlines" }, { data: "çğü 𝄞" }];

async function read(pieces: readonly Uint8Array[]): Promise<StreamPart[]> {
  const parts: StreamPart[] = [];
  for await (const part of readEventStream(ReadableStream.from(pieces))) parts.push(part);
  return parts;
}

it("gives the data of each whole event, and each comment", async () => {
  assert.deepEqual(await read([Buffer.from(STREAM)]), PARTS);
});

it("gives the same wherever the bytes are cut, also within a character and a line's end", async () => {
  const bytes = Buffer.from(STREAM);
  for (let at = 1; at < bytes.length; at += 1) {
    assert.deepEqual(await read([bytes.subarray(0, at), bytes.subarray(at)]), PARTS, `cut at ${at}`);
  }
  assert.deepEqual(await read([...bytes].map((byte) => Uint8Array.of(byte))), PARTS);
});

it("gives an event as soon as its blank line has come, not with the next one", async () => {
  let push: (text: string) => void = () => undefined;
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      push = (text) => controller.enqueue(Buffer.from(text));
    },
  });
  const events = readEventStream(body);
  push("data: one\n\n");
  assert.deepEqual((await events.next()).value, { data: "one" });
  push("data: two\r\n\r\n");
  assert.deepEqual((await events.next()).value, { data: "two" });
  await events.return(undefined);
});

it("lets the connection go when its reader has had enough", async () => {
  let isCancelled = false;
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(Buffer.from("data: one\n\ndata: two\n\n")),
    cancel: () => {
      isCancelled = true;
    },
  });
  for await (const part of readEventStream(body)) {
    assert.deepEqual(part, { data: "one" });
    break;
  }
  assert.equal(isCancelled, true);
});

it("rejects when the stream breaks", async () => {
  const body = new ReadableStream<Uint8Array>({ pull: (controller) => controller.error(new Error("cut")) });
  await assert.rejects(readEventStream(body).next(), /cut/);
});
