// All markdown files of one folder, in the order of their names, a few at a time.

import { readdir } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import type { PersonaProblem } from "#app/models/persona.ts";
import { readGuardedFile, systemCode } from "./guarded-file.ts";
import { FILE_START, ProblemList } from "./persona-problems.ts";

/** How many files are open at once: enough to hide the disk, too few to meet the limit of open files. */
const MAX_OPEN_FILES = 8;

/** A file that was looked at; `text` is absent when it was refused, `problems` then says why. */
export interface MarkdownSource {
  /** File name without `.md`. */
  readonly name: string;
  readonly text: string | undefined;
  readonly problems: ProblemList;
}

export interface MarkdownFolder {
  readonly sources: readonly MarkdownSource[];
  /** What is wrong with the folder itself. */
  readonly problems: readonly PersonaProblem[];
}

/** One file of the data folder or of a folder in it (`folder` is empty for the data folder itself). */
export async function readMarkdownSource(
  dataDir: string,
  folder: string,
  fileName: string,
): Promise<MarkdownSource> {
  const problems = new ProblemList(displayPath(dataDir, folder, fileName));
  const text = await readGuardedFile(join(dataDir, folder), fileName, problems);
  return { name: fileName.slice(0, -".md".length), text, problems };
}

/** Every `*.md` but hidden ones. A folder that does not exist is an empty one. */
export async function readMarkdownFolder(dataDir: string, folder: string): Promise<MarkdownFolder> {
  const problems = new ProblemList(displayPath(dataDir, folder));
  const names = await listMarkdown(join(dataDir, folder), problems);
  const sources: MarkdownSource[] = [];
  for (let start = 0; start < names.length; start += MAX_OPEN_FILES) {
    const batch = names.slice(start, start + MAX_OPEN_FILES);
    sources.push(...(await Promise.all(batch.map((name) => readMarkdownSource(dataDir, folder, name)))));
  }
  return { sources, problems: problems.all };
}

async function listMarkdown(path: string, problems: ProblemList): Promise<string[]> {
  try {
    const names = await readdir(path);
    return names.filter((name) => name.endsWith(".md") && !name.startsWith(".")).sort();
  } catch (error) {
    if (systemCode(error) !== "ENOENT") {
      problems.error("unreadable", FILE_START, `The folder cannot be read (${systemCode(error)}).`);
    }
    return [];
  }
}

/** The path as the author knows it: from the data folder's own name downwards. */
function displayPath(dataDir: string, ...parts: string[]): string {
  return [basename(resolve(dataDir)), ...parts].filter((part) => part !== "").join("/");
}
