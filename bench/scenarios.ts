// What is measured, as data. `quick` is the same at a size that only shows that everything works.

import type { ReplyScript } from "./reply-script.ts";

export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** Which figure the ratio to RAW is about. `resume` has no RAW: `streams` logs, `turns` resumes alone and in a crowd. */
  readonly measures: "cpu-per-token" | "first-token" | "cpu-per-turn" | "memory" | "resume";
  readonly streams: number;
  readonly turns: number;
  readonly spreadMs: number;
  readonly script: ReplyScript;
}

const FULL_SPEED = { tokensPerSecond: 0, firstTokenDelayMs: 0 };
/** A fast model's pace. */
const PACED = { tokensPerSecond: 50, firstTokenDelayMs: 0 };

export const SCENARIOS: readonly Scenario[] = [
  {
    name: "full-speed-50",
    title: "50 streams at full speed, 300-token replies",
    measures: "cpu-per-token",
    streams: 50,
    turns: 8,
    spreadMs: 0,
    script: { tokens: 300, ...FULL_SPEED },
  },
  {
    name: "paced-200",
    title: "200 streams of 50 tokens/s, 300-token replies",
    measures: "cpu-per-token",
    streams: 200,
    turns: 1,
    spreadMs: 3_000,
    script: { tokens: 300, ...PACED },
  },
  {
    name: "paced-500",
    title: "500 streams of 50 tokens/s, 300-token replies",
    measures: "cpu-per-token",
    streams: 500,
    turns: 1,
    spreadMs: 3_000,
    script: { tokens: 300, ...PACED },
  },
  {
    name: "first-token-50",
    title: "first token, 50 streams in conversation, warm",
    measures: "first-token",
    streams: 50,
    turns: 6,
    spreadMs: 1_000,
    script: { tokens: 30, tokensPerSecond: 50, firstTokenDelayMs: 20 },
  },
  {
    name: "first-token-burst-50",
    title: "first token, 50 messages in the same moment, warm",
    measures: "first-token",
    streams: 50,
    turns: 4,
    spreadMs: 0,
    script: { tokens: 30, tokensPerSecond: 50, firstTokenDelayMs: 20 },
  },
  {
    name: "turn",
    title: "cost of a turn, 1-token replies, 50 streams",
    measures: "cpu-per-turn",
    streams: 50,
    turns: 10,
    spreadMs: 0,
    script: { tokens: 1, ...FULL_SPEED },
  },
  {
    name: "idle-2000",
    title: "memory of an idle connection that has joined: 2,000 beside 4,000",
    measures: "memory",
    streams: 2_000,
    turns: 0,
    spreadMs: 0,
    script: { tokens: 1, ...FULL_SPEED },
  },
  {
    name: "resume",
    title: "coming back to a reply of 2,000 tokens: 300 times alone, 300 times 20 at once",
    measures: "resume",
    streams: 20,
    turns: 300,
    spreadMs: 0,
    script: { tokens: 2_000, ...PACED },
  },
];

const QUICK_LIMITS: Readonly<Record<string, Partial<Scenario>>> = {
  "full-speed-50": { turns: 2 },
  "paced-200": { streams: 50, spreadMs: 300, script: { tokens: 40, ...PACED } },
  "paced-500": { streams: 100, spreadMs: 300, script: { tokens: 40, ...PACED } },
  "first-token-50": { turns: 2, spreadMs: 300 },
  "first-token-burst-50": { turns: 1 },
  turn: { turns: 3 },
  "idle-2000": { streams: 100 },
  resume: { turns: 40, script: { tokens: 100, ...PACED } },
};

/** The same on Redis, under a name of its own: its figures do not replace those of in-memory storage. */
export function toRedis(scenario: Scenario): Scenario {
  return { ...scenario, name: `${scenario.name}-redis`, title: `${scenario.title}, Redis storage` };
}

export function toQuick(scenario: Scenario): Scenario {
  const limits = QUICK_LIMITS[scenario.name] ?? {};
  const streams = limits.streams ?? scenario.streams;
  return { ...scenario, ...limits, title: `${scenario.title} (quick: ${streams} streams, less of it)` };
}
