// Joins a model's deltas before they are numbered: the first goes at once, later ones at most every 40 ms, together
// with what has arrived until then. Promises: nothing is lost, reordered or empty, and no piece ends in half a
// surrogate pair. One read and one write a token cost more than all else; this is what saves them.

export const JOIN_MS = 40;

export interface DeltaJoiner {
  push(delta: string): void;
  /** Emits what is left and takes no more: what a model says after its end is dropped. */
  close(): void;
  /** The same, but for what is left: it is never emitted. */
  drop(): void;
}

/** @param emit receives each joined piece, never empty, well-formed UTF-16 */
export function createDeltaJoiner(emit: (piece: string) => void, joinMs: number = JOIN_MS): DeltaJoiner {
  let waiting = "";
  let closed = false;
  let emittedAt = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;

  const flush = (final: boolean): void => {
    clearTimeout(timer);
    timer = undefined;
    // A provider may cut a packet inside an emoji: its first half waits for the second.
    const cut = !final && endsInHighSurrogate(waiting) ? waiting.length - 1 : waiting.length;
    if (cut === 0) return;
    const piece = waiting.slice(0, cut).toWellFormed();
    waiting = waiting.slice(cut);
    emittedAt = performance.now();
    emit(piece);
  };

  return {
    push(delta) {
      if (closed) return;
      waiting += delta;
      if (timer) return;
      const restMs = emittedAt + joinMs - performance.now();
      if (restMs <= 0) flush(false);
      else timer = setTimeout(flush, restMs, false);
    },
    close() {
      if (closed) return;
      closed = true;
      flush(true);
    },
    drop() {
      closed = true;
      waiting = "";
      clearTimeout(timer);
    },
  };
}

function endsInHighSurrogate(text: string): boolean {
  const last = text.charCodeAt(text.length - 1);
  return last >= 0xd800 && last <= 0xdbff;
}
