// A child's line to the process that started it. Promises: when that one is gone, however it went, so is the child.

/** Says something to the parent; does nothing in a process that was started by hand. */
export function tellParent(message: object): void {
  process.send?.(message);
}

/** Calls back with every message of the parent. */
export function hearParent(onMessage: (message: unknown) => void): void {
  process.on("message", onMessage);
}

process.once("disconnect", () => process.kill(process.pid, "SIGKILL"));
