// What the documentation claims, read out of its markdown, so that tests can hold it against the product.
// Promises: pure functions of the text; no file is read here.

/** Names of npm scripts that the text tells people to run, in fences or in backticks. */
export function scriptsNamed(markdown: string): string[] {
  const code = [...markdown.matchAll(/```[^\n]*\n([\s\S]*?)```|`([^`\n]+)`/g)].map(
    ([, fence, span]) => fence ?? span ?? "",
  );
  const commands = code.flatMap((text) => [...text.matchAll(/\bnpm (?:run ([\w:-]+)|(test|start)\b)/g)]);
  return [...new Set(commands.map(([, run, short]) => run ?? short ?? ""))];
}

/** Cells of the first table below a heading, without the heading row; backticks are taken off. */
export function tableBelow(markdown: string, heading: string): string[][] {
  const lines = markdown.split("\n");
  const start = lines.findIndex((line) => /^#+ /.test(line) && line.replace(/^#+ /, "").trim() === heading);
  const end = lines.findIndex((line, index) => index > start && /^#+ /.test(line));
  const section = start < 0 ? [] : lines.slice(start, end < 0 ? undefined : end);
  const first = section.findIndex((line) => line.startsWith("|"));
  const length = section.slice(first).findIndex((line) => !line.startsWith("|"));
  const rows = first < 0 ? [] : section.slice(first, length < 0 ? undefined : first + length);
  return rows.slice(2).map((row) =>
    row
      .replace(/^\||\|\s*$/g, "")
      .split("|")
      .map((cell) => cell.trim().replaceAll("`", "")),
  );
}

/** Targets of links and images that lie in the repository; `#…` alone is a heading of the same page. */
export function relativeLinks(markdown: string): string[] {
  const prose = markdown.replace(/```[\s\S]*?```/g, "").replace(/`[^`\n]*`/g, "");
  return [...prose.matchAll(/\]\(([^()\s]+)(?:\s+"[^"]*")?\)/g)]
    .map(([, target = ""]) => target)
    .filter((target) => !/^[a-z][a-z+.-]*:|^\//i.test(target));
}

/** The anchors of a page's headings, as GitHub makes them. */
export function headingAnchors(markdown: string): string[] {
  return [...markdown.replace(/```[\s\S]*?```/g, "").matchAll(/^#+ +(.+)$/gm)].map(([, title = ""]) =>
    title
      .trim()
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replace(/\s/g, "-"),
  );
}

/**
 * Files and folders named in backticks: a path that begins with one of the repository's folders, with or without a
 * line (`app/main.ts:12`). Patterns and placeholders (`data/personas/<id>.md`, `tests/*`) name no one file.
 */
export function pathsNamed(markdown: string, folders: readonly string[]): string[] {
  const spans = [...markdown.replace(/```[\s\S]*?```/g, "").matchAll(/`([^`\n]+)`/g)].map(
    ([, span = ""]) => span,
  );
  const paths = spans.filter((span) => /^[\w.@-]+\/[\w.@/-]*(?::\d+)?$/.test(span));
  return [...new Set(paths.map((path) => path.replace(/:\d+$/, "")))].filter((path) =>
    folders.includes(path.split("/", 1)[0] ?? ""),
  );
}

/** Test names that an improvement gives as its proof: `proof: "name"`, further names after commas. */
export function proofsNamed(markdown: string): string[] {
  const claims = [...markdown.matchAll(/\bproof:\**\s*("[^"]+"(?:,\s*"[^"]+")*)/gi)];
  return claims.flatMap(([, names = ""]) => [...names.matchAll(/"([^"]+)"/g)].map(([, name = ""]) => name));
}

/** Patterns of the test names in a source; a `${…}` in a name stands for any text. */
export function testNames(source: string): RegExp[] {
  const calls = source.matchAll(
    /\b(?:test|it|describe|suite)(?:\.\w+)?\(\s*(["'`])((?:\\.|(?!\1)[^\\])*)\1/g,
  );
  return [...calls].map(([, , name = ""]) => {
    const parts = name.split(/\$\{[^}]*\}/).map((part) => RegExp.escape(part.replace(/\\(.)/g, "$1")));
    return new RegExp(`^${parts.join(".+")}$`);
  });
}
