// Tries things out, each on its own and within its time, and says how it went in words that may be shown.
// Promises: never rejects; a result holds no secret, path or address, because nothing but a CheckFailure's own words and
// an error's code get into it. Does not know what is checked.

import { CallTimeoutError, resilient } from "./resilience.ts";

export interface DiagnosticCheck {
  readonly name: string;
  /**
   * Resolves with what was found, or with why there is nothing to try.
   * @throws CheckFailure with words for people, or anything: of that only its code is shown
   */
  readonly run: (signal: AbortSignal) => Promise<string | Skipped>;
}

export interface DiagnosticResult {
  readonly name: string;
  readonly status: "ok" | "failed" | "skipped";
  readonly durationMs: number;
  readonly message: string;
}

export interface Skipped {
  readonly skipped: string;
}

/** What was tried does not work. Its message is shown: no secret, path or address stands in it. */
export class CheckFailure extends Error {
  override readonly name = "CheckFailure";
}

const DEADLINE_MS = 3_000;

/** All at once, in the order given. */
export function diagnose(
  checks: readonly DiagnosticCheck[],
  deadlineMs = DEADLINE_MS,
): Promise<readonly DiagnosticResult[]> {
  return Promise.all(checks.map((check) => carryOut(check, deadlineMs)));
}

async function carryOut({ name, run }: DiagnosticCheck, deadlineMs: number): Promise<DiagnosticResult> {
  const startedAt = performance.now();
  const result = (status: DiagnosticResult["status"], message: string): DiagnosticResult => ({
    name,
    status,
    durationMs: Math.round((performance.now() - startedAt) * 10) / 10,
    message,
  });
  try {
    const { signal } = new AbortController();
    const found = await resilient((attempt) => run(attempt.signal), { timeoutMs: deadlineMs, signal });
    return typeof found === "string" ? result("ok", found) : result("skipped", found.skipped);
  } catch (error) {
    return result("failed", wordsOf(error));
  }
}

function wordsOf(error: unknown): string {
  if (error instanceof CheckFailure) return error.message;
  if (error instanceof CallTimeoutError) return `It took too long: ${error.message}.`;
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const isName = typeof code === "string" && /^\w{1,40}$/.test(code);
  return isName ? `It failed with ${code}.` : "It failed; the log may say more.";
}
