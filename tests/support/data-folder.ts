// A data folder for one test: written from texts by path, removed when the test ends.

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { formatProblem } from "#app/services/chatbot/persona-files/persona-problems.ts";
import { loadPersonaLibrary, PersonaLibraryError } from "#app/services/chatbot/persona-library.ts";
import type { PersonaLibrary } from "#app/services/chatbot/persona-registry.ts";

/** A whole persona without a finding: every test breaks one thing of it. */
export const GOOD_PERSONA = `---
schema: 1
name: Ada
language: en
languages: [en, tr]
greeting: {en: Good day., tr: Merhaba.}
fallback: {en: I do not know., tr: Bilmiyorum.}
disclosure: {en: I am a program., tr: Ben bir programım.}
---
# Identity
You are {{char}}.
# Rules
Be brief.
# Facts
## Notes
They were published in 1843.
# Facts {lang=tr}
## Notlar
1843'te yayımlandı.
# Never
Never lie.
# Examples
**user:** Who are you?
**char:** Ada.
`;

/** The same for an object that only speaks English. */
export const GOOD_OBJECT = `---
name: Card
greeting: Click.
fallback: I only know cards.
---
You are a punched card.
# Never
Never claim to be a person.
# Examples
**user:** What are you?
**char:** A card.
`;

/** `files` by path within the folder, which is called `data`. */
export async function writeDataFolder(
  test: TestContext,
  files: Readonly<Record<string, string | Uint8Array>>,
): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), "parley-data-"));
  test.after(() => rm(root, { recursive: true, force: true }));
  const dataDir = join(root, "data");
  await mkdir(dataDir);
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(dataDir, path)), { recursive: true });
    await writeFile(join(dataDir, path), content);
  }
  return dataDir;
}

/** The library of a good main persona and the given files. */
export async function loadWith(
  test: TestContext,
  files: Readonly<Record<string, string | Uint8Array>>,
  allowedModels: readonly string[] = [],
): Promise<PersonaLibrary> {
  const dataDir = await writeDataFolder(test, { "persona.md": GOOD_PERSONA, ...files });
  return loadPersonaLibrary(dataDir, { allowedModels });
}

/** All findings as they are printed, whether the library came to be or not. */
export async function findingsOf(
  test: TestContext,
  files: Readonly<Record<string, string | Uint8Array>>,
  allowedModels: readonly string[] = [],
): Promise<readonly string[]> {
  try {
    return (await loadWith(test, files, allowedModels)).problems.map(formatProblem);
  } catch (error) {
    if (error instanceof PersonaLibraryError) return error.problems.map(formatProblem);
    throw error;
  }
}

/** `path:line:col: severity [rule]`, without the wording. */
export function withoutMessage(finding: string): string {
  return finding.replace(/\] .*$/s, "]");
}
