// The body of a persona file as its sections. Text before the first heading is Identity; a heading that is there
// twice is joined; what is not a known section is named in a warning and left out.

import { didYouMean } from "./did-you-mean.ts";
import { cutAtHeadings, type HeadingBlock } from "./markdown-headings.ts";
import type { ProblemList } from "./persona-problems.ts";

export type SectionName = "identity" | "voice" | "rules" | "facts" | "never" | "examples";

export interface PersonaSection {
  readonly name: SectionName;
  /** Of `# Facts {lang=tr}`; undefined: the persona's default language. */
  readonly language: string | undefined;
  /** `# +Rules`: added to what is inherited instead of replacing it. */
  readonly append: boolean;
  readonly text: string;
  /** The file's line of the (first) heading. */
  readonly line: number;
}

const TITLES = ["Identity", "Voice", "Rules", "Facts", "Never", "Examples", "Notes"];
const NAMES: ReadonlyMap<string, SectionName | "notes"> = new Map([
  ["identity", "identity"],
  ["voice", "voice"],
  ["rules", "rules"],
  ["facts", "facts"],
  ["never", "never"],
  ["examples", "examples"],
  ["notes", "notes"],
]);

/** `bodyLine` is the file's line on which `body` begins. Sections come in the order of their first headings. */
export function parsePersonaSections(
  body: string,
  bodyLine: number,
  problems: ProblemList,
): readonly PersonaSection[] {
  const { blocks, openFenceLineIndex } = cutAtHeadings(body, 1);
  if (openFenceLineIndex !== undefined) {
    const at = { line: bodyLine + openFenceLineIndex, column: 1 };
    problems.warning(
      "unclosed-fence",
      at,
      "This code block is never closed; headings after it are not seen.",
    );
  }
  const joined = new Map<string, PersonaSection>();
  for (const block of blocks) {
    const section = toSection(block, bodyLine, problems);
    if (section === undefined) continue;
    const key = `${section.name} ${section.language ?? ""}`;
    const earlier = joined.get(key);
    joined.set(key, earlier === undefined ? section : join(earlier, section));
  }
  return [...joined.values()];
}

function toSection(block: HeadingBlock, bodyLine: number, problems: ProblemList): PersonaSection | undefined {
  const line = bodyLine + block.lineIndex;
  const { text, title } = block;
  if (title === undefined) {
    return text === "" ? undefined : { name: "identity", language: undefined, append: false, text, line };
  }
  const [, plus, word = "", language] = /^(\+?)[ \t]*(.*?)[ \t]*(?:\{lang=([a-z]{2})\})?$/.exec(title) ?? [];
  const name = NAMES.get(word.toLowerCase());
  if (name === undefined || (language !== undefined && name !== "facts")) {
    const hint = name === undefined ? didYouMean(word, TITLES) : "; only Facts is written by language";
    const shown = title.slice(0, 60);
    problems.warning("unknown-section", { line, column: 1 }, `"${shown}" is not a known section${hint}`);
    return undefined;
  }
  return name === "notes" ? undefined : { name, language, append: plus === "+", text, line };
}

/** One heading without a plus is enough to replace what is inherited. */
function join(earlier: PersonaSection, later: PersonaSection): PersonaSection {
  return {
    ...earlier,
    append: earlier.append && later.append,
    text: [earlier.text, later.text].filter((text) => text !== "").join("\n\n"),
  };
}
