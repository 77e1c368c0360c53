// Notes that any persona may draw on: `knowledge/*.md` of the data folder, cut at their headings.

import { deepFreeze } from "#app/core/frozen-value.ts";
import { type KnowledgeFile, knowledgeFileSchema } from "#app/models/knowledge-file.ts";
import type { KnowledgeNote, PersonaProblem } from "#app/models/persona.ts";
import { checkFileText } from "#app/services/chatbot/persona-files/file-text-checks.ts";
import { checkFrontMatter } from "#app/services/chatbot/persona-files/front-matter-check.ts";
import { normalizeText, parseMarkdownFile } from "#app/services/chatbot/persona-files/markdown-file.ts";
import {
  type MarkdownSource,
  readMarkdownFolder,
} from "#app/services/chatbot/persona-files/markdown-folder.ts";
import { cutChunks } from "#app/services/chatbot/persona-files/markdown-headings.ts";
import { checkFileId } from "#app/services/chatbot/persona-files/persona-definition.ts";
import { toStateConditions } from "#app/services/chatbot/persona-files/state-conditions.ts";

export interface KnowledgeFiles {
  /** In the order of the file names; a broken one is left out and named in `problems`. */
  readonly notes: readonly KnowledgeNote[];
  readonly problems: readonly PersonaProblem[];
}

type NoteReading =
  | { readonly type: "note"; readonly note: KnowledgeNote }
  | { readonly type: "disabled" }
  | { readonly type: "broken" };

export async function loadKnowledgeFiles(dataDir: string): Promise<KnowledgeFiles> {
  const { sources, problems: folderProblems } = await readMarkdownFolder(dataDir, "knowledge");
  const notes: KnowledgeNote[] = [];
  const problems = [...folderProblems];
  for (const source of sources) {
    const takenIds = new Set(sources.map(({ name }) => name).filter((name) => name !== source.name));
    const reading = readNote(source, takenIds);
    if (reading.type === "disabled") continue;
    if (reading.type === "note") notes.push(reading.note);
    problems.push(...source.problems.all);
  }
  return { notes, problems };
}

function readNote({ name, text: raw, problems }: MarkdownSource, takenIds: ReadonlySet<string>): NoteReading {
  if (raw === undefined) return { type: "broken" };
  const text = normalizeText(raw);
  checkFileText(text, problems);
  const file = parseMarkdownFile(text, problems);
  const checked =
    file?.frontMatter === undefined
      ? undefined
      : checkFrontMatter(knowledgeFileSchema, file.frontMatter, problems);
  if (file?.frontMatter === undefined || checked === undefined) return { type: "broken" };
  const { value: front, broken } = checked;
  if (front.enabled === false) return { type: "disabled" };
  const { positionOf } = file.frontMatter;
  if (!broken.has("id")) checkFileId({ name, id: front.id, takenIds, positionOf, problems });
  const note = toNote(name, front, file.body);
  if (note.chunks.length === 0) {
    problems.error("missing-section", { line: file.bodyLine, column: 1 }, "The note has no text.");
  }
  return problems.hasErrors ? { type: "broken" } : { type: "note", note: deepFreeze(note) };
}

function toNote(name: string, front: Partial<KnowledgeFile>, body: string): KnowledgeNote {
  return {
    id: name,
    title: front.title ?? "",
    language: front.language ?? "en",
    keys: front.keys ?? [],
    knownBy: front.known_by ?? [],
    when: toStateConditions(front.when),
    priority: front.priority ?? 100,
    source: front.source ?? "",
    chunks: cutChunks(body),
  };
}
