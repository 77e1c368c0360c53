// Why a run's signal was aborted. Stop, time-out, a lost lease and shutdown are one mechanism with four reasons.

export type StopCause = "cancelled" | "deadline" | "lease-lost" | "draining" | "handed-over";

/** The reason of a run's AbortSignal. */
export class RunStop extends Error {
  override readonly name = "RunStop";
  readonly why: StopCause;

  constructor(why: StopCause) {
    super(`run stopped: ${why}`);
    this.why = why;
  }
}

/** Why the signal was aborted; undefined while it is not, or where something else aborted it. */
export function stopCauseOf(signal: AbortSignal): StopCause | undefined {
  return signal.reason instanceof RunStop ? signal.reason.why : undefined;
}
