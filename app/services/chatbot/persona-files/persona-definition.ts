// One persona or object file, read and checked on its own, before it inherits anything.

import { PERSONA_ID, type PersonaKind } from "#app/models/persona.ts";
import { type PersonaFile, personaFileSchema } from "#app/models/persona-file.ts";
import { checkFileText } from "./file-text-checks.ts";
import { checkFrontMatter } from "./front-matter-check.ts";
import { type FrontMatter, normalizeText, parseMarkdownFile } from "./markdown-file.ts";
import type { MarkdownSource } from "./markdown-folder.ts";
import { FILE_START, type ProblemList } from "./persona-problems.ts";
import { type PersonaSection, parsePersonaSections } from "./persona-sections.ts";

export interface PersonaDefinition {
  readonly kind: PersonaKind;
  readonly id: string;
  /** The persona that this one inherits from; false: from none. */
  readonly base: string | false;
  /** Without the keys in `brokenKeys`; then `problems` has errors and the persona is left out in the end. */
  readonly front: Partial<PersonaFile>;
  readonly brokenKeys: ReadonlySet<string>;
  readonly positionOf: FrontMatter["positionOf"];
  readonly sections: readonly PersonaSection[];
  readonly bodyLine: number;
  readonly problems: ProblemList;
}

export interface DefinitionContext {
  readonly kind: PersonaKind;
  /** What `extends` means when it is not written. */
  readonly defaultBase: string | false;
  /** The ids that other files of the kind have by their names. */
  readonly takenIds: ReadonlySet<string>;
}

export type DefinitionReading =
  | { readonly type: "defined"; readonly definition: PersonaDefinition }
  | { readonly type: "disabled" }
  | { readonly type: "unreadable" };

/** Reports all that is wrong with the file; goes on after a fault wherever something is left to look at. */
export function readPersonaDefinition(
  { name, text: raw, problems }: MarkdownSource,
  { kind, defaultBase, takenIds }: DefinitionContext,
): DefinitionReading {
  if (raw === undefined) return { type: "unreadable" };
  const text = normalizeText(raw);
  checkFileText(text, problems);
  const file = parseMarkdownFile(text, problems);
  if (file === undefined) return { type: "unreadable" };
  const { frontMatter, body, bodyLine } = file;
  const sections = parsePersonaSections(body, bodyLine, problems);
  if (frontMatter === undefined) return { type: "unreadable" };
  const checked = checkFrontMatter(personaFileSchema, frontMatter, problems);
  if (checked === undefined) return { type: "unreadable" };
  const { value: front, broken: brokenKeys } = checked;
  if (front.enabled === false) return { type: "disabled" };
  const { positionOf } = frontMatter;
  if (!brokenKeys.has("id")) checkFileId({ name, id: front.id, takenIds, positionOf, problems });
  checkKnowledgeIds(front, positionOf, problems);
  const base = front.extends ?? defaultBase;
  const definition = {
    kind,
    id: name,
    base,
    front,
    brokenKeys,
    positionOf,
    sections,
    bodyLine,
    problems,
  };
  return { type: "defined", definition };
}

/** An id is the file's name, so that nobody has to open the files to find one, and no two can be the same. */
export function checkFileId(check: {
  readonly name: string;
  readonly id: string | undefined;
  readonly takenIds: ReadonlySet<string>;
  readonly positionOf: FrontMatter["positionOf"];
  readonly problems: ProblemList;
}): void {
  const { name, id = name, takenIds, positionOf, problems } = check;
  if (id !== name) {
    const shown = name.slice(0, 64);
    problems.error("id-not-file-name", positionOf(["id"]), `The id must be the file's name, "${shown}".`);
  } else if (id.length > 64 || !PERSONA_ID.test(id)) {
    const message = "The file's name is no id: lower-case letters, digits and single hyphens, at most 64.";
    problems.error("id-not-file-name", FILE_START, message);
  }
  if (takenIds.has(id)) {
    problems.error("duplicate-id", positionOf(["id"]), `Another file has the id "${id.slice(0, 64)}".`);
  }
}

function checkKnowledgeIds(
  front: Partial<PersonaFile>,
  positionOf: FrontMatter["positionOf"],
  problems: ProblemList,
): void {
  const seen = new Set<string>();
  for (const [index, { id }] of (front.knowledge ?? []).entries()) {
    if (seen.has(id)) {
      const at = positionOf(["knowledge", index, "id"]);
      problems.error("duplicate-id", at, `The knowledge entry "${id}" is there twice.`);
    }
    seen.add(id);
  }
}
