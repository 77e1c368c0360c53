// Waiting that an abort ends, whatever the work does about its signal.
// Promises: the listener is gone when the waiting is. Does not stop the work: that is what it has the signal for.

/** `work`, or the signal's reason as soon as it aborts. */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  if (signal.aborted) abort();
  else signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([aborted.promise, work]);
  } catch (error) {
    // Work that failed because of the abort fails with the reason, too.
    throw signal.aborted ? signal.reason : error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
