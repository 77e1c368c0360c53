// Scripts for the scripted model that a test lets go on piece by piece, so that every piece is a frame of its own.

import type { ScriptStep } from "./scripted-model.ts";

export interface PacedScript {
  readonly steps: readonly ScriptStep[];
  readonly pieces: readonly string[];
  readonly text: string;
  /** Lets the model say its next piece. */
  advance(): void;
  /** Lets it say all that is left. */
  finish(): void;
}

/** The first piece is said at once; each other one waits for an `advance`. */
export function createPacedScript(...pieces: readonly string[]): PacedScript {
  const gates = pieces.map(() => Promise.withResolvers<void>());
  let open = 0;
  const advance = (): void => gates[++open]?.resolve();
  gates[0]?.resolve();
  return {
    steps: pieces.flatMap((piece, index) => [{ until: gates[index]?.promise ?? Promise.resolve() }, piece]),
    pieces,
    text: pieces.join(""),
    advance,
    finish: () => {
      for (const gate of gates) gate.resolve();
    },
  };
}
