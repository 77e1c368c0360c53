// The section `# Examples`: pairs of `**user:**` and `**char:**`, set apart by `---`.

import type { ExampleTurn } from "#app/models/persona.ts";

export interface ExampleParse {
  readonly turns: readonly ExampleTurn[];
  /** Parts that are no pair, such as a question without an answer. */
  readonly malformed: number;
}

/** Every complete pair in order; what is not one is counted and left out. */
export function parseExamples(text: string): ExampleParse {
  const turns: ExampleTurn[] = [];
  let malformed = 0;
  for (const part of text.split(/^---[ \t]*$/m)) {
    if (part.trim() === "") continue;
    // Odd elements are the speakers, each followed by what it says.
    const [before = "", ...spoken] = part.split(/^\*\*(user|char):\*\*/im);
    if (before.trim() !== "" || spoken.length === 0) malformed += 1;
    for (let index = 0; index < spoken.length; index += 2) {
      const turn = pairAt(spoken, index);
      if (turn === undefined) {
        malformed += 1;
        continue;
      }
      turns.push(turn);
      index += 2;
    }
  }
  return { turns, malformed };
}

function pairAt(spoken: readonly string[], index: number): ExampleTurn | undefined {
  const [asker, user = "", answerer, char = ""] = spoken.slice(index, index + 4);
  if (asker?.toLowerCase() !== "user" || answerer?.toLowerCase() !== "char") return undefined;
  if (user.trim() === "" || char.trim() === "") return undefined;
  return { user: user.trim(), char: char.trim() };
}
