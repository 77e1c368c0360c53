// The load: a process that opens many streams, lets them warm up, waits for the word, talks, and reports.
// Takes its order as JSON in the first argument. One reply that is not whole fails the whole report.

import { setTimeout as sleep } from "node:timers/promises";
import { ParleyDialect, RawDialect } from "./dialects.ts";
import type { LoadOrder, LoadReport } from "./load-order.ts";
import { hearParent, tellParent } from "./parent-link.ts";
import { percentile } from "./percentile.ts";
import type { ReplyScript } from "./reply-script.ts";
import { StreamClient, type Turn } from "./stream-client.ts";

/** Connections that are opened at one time: a burst of thousands would only test the accept queue. */
const OPEN_AT_ONCE = 50;
const WARM_UP: ReplyScript = { tokens: 20, tokensPerSecond: 0, firstTokenDelayMs: 0 };
/** The warm-up's starts are spread: it shall compile code, not queue. */
const WARM_UP_MS_A_STREAM = 4;

const order: LoadOrder = JSON.parse(process.argv[2] ?? "");

async function main(): Promise<void> {
  const streams = await openStreams();
  if (order.warmUp) {
    const warmUp = { ...order, turns: 1, spreadMs: order.streams * WARM_UP_MS_A_STREAM, script: WARM_UP };
    await Promise.all(streams.map((stream, index) => talk(stream, index, warmUp)));
  }
  hearParent(() => void speak(streams).then(tellParent, fail));
  tellParent({ type: "ready" });
}

async function openStreams(): Promise<StreamClient[]> {
  const streams: StreamClient[] = [];
  while (streams.length < order.streams) {
    const count = Math.min(OPEN_AT_ONCE, order.streams - streams.length);
    const opened = Array.from({ length: count }, (_, index) => open(streams.length + index));
    await Promise.all(opened.map((stream) => stream.ready));
    streams.push(...opened);
  }
  return streams;
}

function open(index: number): StreamClient {
  const dialect = order.server === "raw" ? new RawDialect() : new ParleyDialect();
  // All of 127.0.0.0/8 is this machine.
  const localAddress = `127.1.${Math.floor(index / 250)}.${(index % 250) + 1}`;
  return new StreamClient(order.url, dialect, localAddress);
}

async function speak(streams: readonly StreamClient[]): Promise<LoadReport> {
  const startedAt = performance.now();
  const turns = (await Promise.all(streams.map((stream, index) => talk(stream, index, order)))).flat();
  const elapsedMs = performance.now() - startedAt;
  const overheads = turns.map((turn) => turn.overheadMs);
  const firsts = turns.map((turn) => turn.firstMs);
  return {
    type: "report",
    turns: turns.length,
    tokens: turns.length * order.script.tokens,
    frames: turns.reduce((sum, turn) => sum + turn.frames, 0),
    elapsedMs,
    firstMs: { p50: percentile(firsts, 50), p99: percentile(firsts, 99) },
    overheadMs: { p50: percentile(overheads, 50), p99: percentile(overheads, 99) },
    totalMsP99: percentile(
      turns.map((turn) => turn.totalMs),
      99,
    ),
  };
}

/** The streams' starts, and the pauses between their turns, are spread evenly and the same in every run. */
async function talk(
  stream: StreamClient,
  index: number,
  { streams, turns, spreadMs, script }: LoadOrder,
): Promise<Turn[]> {
  const done: Turn[] = [];
  for (let turn = 0; turn < turns; turn += 1) {
    if (spreadMs > 0) await sleep(turn === 0 ? (index / streams) * spreadMs : pause(index, turn) * spreadMs);
    done.push(await stream.ask(script));
  }
  return done;
}

/** A share from 0 to 1 that looks random and is not (Weyl's sequence). */
function pause(index: number, turn: number): number {
  return ((index * 31 + turn) * 0.618_033_988_75) % 1;
}

function fail(error: unknown): void {
  tellParent({ type: "failed", reason: error instanceof Error ? error.message : String(error) });
}

main().catch(fail);
