// What the resuming client is told, and what it answers.

import type { ReplyScript } from "./reply-script.ts";

export interface ResumeOrder {
  readonly url: string;
  /** Conversations whose log holds one reply each; also how many resume at the same time in the crowded part. */
  readonly conversations: number;
  /** Resumes one after the other, and as many in a crowd. */
  readonly resumes: number;
  readonly script: ReplyScript;
}

/** From the `join` that was sent to `replayed`, in milliseconds. */
export interface ResumeTimes {
  readonly p50: number;
  readonly p99: number;
}

export interface ResumeReport {
  readonly type: "report";
  readonly alone: ResumeTimes;
  readonly crowded: ResumeTimes;
  /** Of both parts. */
  readonly resumes: number;
  /** Of one log. */
  readonly events: number;
}
