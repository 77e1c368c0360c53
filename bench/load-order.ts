// What the load client is told, and what it answers.

import type { ReplyScript } from "./reply-script.ts";

export interface LoadOrder {
  readonly server: "raw" | "parley";
  readonly url: string;
  readonly streams: number;
  /** Messages of each stream, one after the other; 0 only holds the connections. */
  readonly turns: number;
  /** The streams' first messages are spread over this time, and the pauses between turns last up to it. */
  readonly spreadMs: number;
  /** One short reply a stream before it is counted. */
  readonly warmUp: boolean;
  readonly script: ReplyScript;
}

export interface LoadReport {
  readonly type: "report";
  readonly turns: number;
  readonly tokens: number;
  readonly frames: number;
  readonly elapsedMs: number;
  readonly firstMs: { readonly p50: number; readonly p99: number };
  readonly overheadMs: { readonly p50: number; readonly p99: number };
  readonly totalMsP99: number;
}
