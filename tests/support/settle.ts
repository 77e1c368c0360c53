// Waits for what needs neither a timer nor I/O.

/** Lets everything that needs no timer and no I/O happen. */
export async function settle(turns = 10): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
