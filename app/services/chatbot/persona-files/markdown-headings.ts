// Cutting a markdown text at its headings. A `#` inside a fenced code block is a comment of some program, no heading.

import type { TextChunk } from "#app/models/persona.ts";

export interface HeadingBlock {
  /** The heading's text; undefined for what stands before the first heading. */
  readonly title: string | undefined;
  /** Counts from 0 within the text: the heading's line, or the first line. */
  readonly lineIndex: number;
  readonly text: string;
}

export interface HeadingCut {
  readonly blocks: readonly HeadingBlock[];
  /** The line of a fence that is never closed and so hides every heading after it. */
  readonly openFenceLineIndex: number | undefined;
}

/** Cuts at ATX headings (`#`, not underlined ones) of at most `deepestLevel`; deeper headings stay in the text. */
export function cutAtHeadings(text: string, deepestLevel: number): HeadingCut {
  const blocks: HeadingBlock[] = [];
  let title: string | undefined;
  let lineIndex = 0;
  let lines: string[] = [];
  let fence: { marker: string; lineIndex: number } | undefined;
  const finish = (): void => {
    blocks.push({ title, lineIndex, text: lines.join("\n").trim() });
  };
  for (const [index, line] of text.split("\n").entries()) {
    const marker = fenceMarker(line);
    if (fence !== undefined) {
      if (closesFence(line, fence.marker)) fence = undefined;
    } else if (marker !== undefined) {
      fence = { marker, lineIndex: index };
    } else {
      const heading = headingOf(line, deepestLevel);
      if (heading !== undefined) {
        finish();
        title = heading;
        lineIndex = index;
        lines = [];
        continue;
      }
    }
    lines.push(line);
  }
  finish();
  return { blocks, openFenceLineIndex: fence?.lineIndex };
}

/** The pieces that retrieval finds: a text cut at `##` (and at `#`, in a file without sections). Empty ones are left out. */
export function cutChunks(text: string): TextChunk[] {
  return cutAtHeadings(text, 2)
    .blocks.filter((block) => block.text !== "")
    .map((block) => ({ heading: block.title ?? "", text: block.text }));
}

function headingOf(line: string, deepestLevel: number): string | undefined {
  const found = /^ {0,3}(#{1,6})(?:[ \t](.*))?$/.exec(line);
  if (found === null || (found[1] ?? "").length > deepestLevel) return undefined;
  return (found[2] ?? "")
    .trim()
    .replace(/(?:^|[ \t])#+$/, "")
    .trim();
}

function fenceMarker(line: string): string | undefined {
  const found = /^ {0,3}(`{3,}|~{3,})(.*)$/.exec(line);
  const marker = found?.[1];
  // A back-tick after the opening ones makes it code within a line.
  if (marker?.startsWith("`") === true && found?.[2]?.includes("`") === true) return undefined;
  return marker;
}

function closesFence(line: string, marker: string): boolean {
  const found = /^ {0,3}(`{3,}|~{3,})[ \t]*$/.exec(line)?.[1];
  return found?.startsWith(marker) === true;
}
