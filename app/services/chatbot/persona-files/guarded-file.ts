// Reading one small text file that must lie in a given folder.
// Promises: never reads outside the folder, never more than 64 KiB, never blocks on a pipe; what it refuses is a
// problem, not an exception. Does not: look at the text.

import { constants } from "node:fs";
import { type FileHandle, open, realpath } from "node:fs/promises";
import { join, sep } from "node:path";
import { FILE_START, type ProblemList } from "./persona-problems.ts";

/** A persona is a page or two; more would be put into every prompt. */
export const MAX_FILE_BYTES = 64 * 1024;

/** The file's text as it is (BOM and line ends included), or undefined with the reason in `problems`. */
export async function readGuardedFile(
  folder: string,
  name: string,
  problems: ProblemList,
): Promise<string | undefined> {
  try {
    const root = await realpath(folder);
    const target = await realpath(join(folder, name));
    if (!target.startsWith(root.endsWith(sep) ? root : root + sep)) {
      problems.error("path-outside", FILE_START, "The file is a link that leads out of its folder.");
      return undefined;
    }
    return await readRegularFile(target, problems);
  } catch (error) {
    problems.error("unreadable", FILE_START, `The file cannot be read (${systemCode(error)}).`);
    return undefined;
  }
}

/** The system's code of a file error, such as ENOENT: it names the fault without showing a path of the host. */
export function systemCode(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "unknown fault";
}

async function readRegularFile(target: string, problems: ProblemList): Promise<string | undefined> {
  // O_NOFOLLOW: the path was resolved a moment ago, a link put there since is refused. O_NONBLOCK: so is a pipe.
  await using file = await open(target, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  if (!(await file.stat()).isFile()) {
    problems.error("unreadable", FILE_START, "This is not a regular file.");
    return undefined;
  }
  const bytes = await readAtMost(file, MAX_FILE_BYTES + 1);
  if (bytes.length > MAX_FILE_BYTES) {
    problems.error("too-large", FILE_START, `The file is larger than ${MAX_FILE_BYTES / 1024} KiB.`);
    return undefined;
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    problems.error("encoding", FILE_START, "The file is not UTF-8 text.");
    return undefined;
  }
}

/** Reads until the end or the limit: the size that `stat` told may be out of date. */
async function readAtMost(file: FileHandle, limit: number): Promise<Buffer> {
  const buffer = Buffer.alloc(limit);
  let length = 0;
  while (length < limit) {
    const { bytesRead } = await file.read(buffer, length, limit - length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return buffer.subarray(0, length);
}
