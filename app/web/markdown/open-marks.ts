// Closes the marks that are open in words which still arrive: emphasis, code, links. Promises: one pass over the
// words; a link whose address is not whole yet is its text. A guess for the eye, not a parser.

interface OpenMark {
  readonly mark: string;
  /** Where its content begins in the words. */
  readonly from: number;
}

/** Reached by no link: its text is shown without an address. */
const NO_ADDRESS = "](#)";
const WORD = /[\p{L}\p{N}]/u;

/** @param markdown what ends in `words` @returns the same with its marks closed */
export function closeOpenMarks(markdown: string, words: string): string {
  const text = words.trimEnd();
  const base = markdown.trimEnd();
  const stack: OpenMark[] = [];
  let at = 0;
  while (at < text.length) {
    const step = readMark(text, at, stack);
    if (typeof step === "number") at = step;
    else return base.slice(0, base.length - (text.length - step.cutAt)) + step.close + closers(stack);
  }
  return closeStack(base, text, stack);
}

/** The place to go on at, or that the end of the words belongs to one open mark. */
function readMark(text: string, at: number, stack: OpenMark[]): number | { cutAt: number; close: string } {
  const character = text[at];
  if (character === "\\") return at + 1 < text.length ? at + 2 : { cutAt: at, close: "" };
  if (character === "`") return readCode(text, at);
  if (character === "[") {
    stack.push({ mark: "[", from: at + 1 });
    return at + 1;
  }
  if (character === "]") return readLinkEnd(text, at, stack);
  if (character === "*" || character === "_" || character === "~") return readRun(text, at, stack);
  return at + 1;
}

function readCode(text: string, at: number): number | { cutAt: number; close: string } {
  const from = runEnd(text, at);
  const fence = text.slice(at, from);
  for (let end = text.indexOf(fence, from); end >= 0; end = text.indexOf(fence, runEnd(text, end))) {
    if (runEnd(text, end) - end === fence.length) return end + fence.length;
  }
  const content = text.slice(from).replace(/`+$/, "");
  if (content.trim() === "") return { cutAt: at, close: "" };
  return { cutAt: from + content.length, close: fence };
}

function readLinkEnd(text: string, at: number, stack: OpenMark[]): number | { cutAt: number; close: string } {
  const open = stack.findLastIndex(({ mark }) => mark === "[");
  if (open < 0) return at + 1;
  stack.length = open;
  // The address may be the next that comes.
  if (at + 1 === text.length) return { cutAt: at, close: NO_ADDRESS };
  if (text[at + 1] !== "(") return at + 1;
  const end = addressEnd(text, at + 2);
  return end ?? { cutAt: at, close: NO_ADDRESS };
}

/** After the `)` of an address; addresses may hold pairs of them. */
function addressEnd(text: string, from: number): number | undefined {
  let depth = 1;
  for (let at = from; at < text.length; at += 1) {
    if (text[at] === "(") depth += 1;
    if (text[at] === ")") depth -= 1;
    if (depth === 0) return at + 1;
  }
  return undefined;
}

function readRun(text: string, at: number, stack: OpenMark[]): number | { cutAt: number; close: string } {
  const end = runEnd(text, at);
  const character = text[at] ?? "";
  const [before, after] = [text[at - 1] ?? " ", text[end] ?? " "];
  const isInWord = character === "_" && WORD.test(before) && WORD.test(after);
  let left = isInWord ? 0 : end - at;
  while (left > 0 && /\S/.test(before) && stack.at(-1)?.mark[0] === character) {
    const { length } = stack.at(-1)?.mark ?? "";
    // One star of a closing pair has come.
    if (length > left && end === text.length) return { cutAt: at, close: "" };
    if (length > left) break;
    stack.pop();
    left -= length;
  }
  if (left > 0 && (/\S/.test(after) || end === text.length)) pushRun(stack, character, left, end);
  return end;
}

function pushRun(stack: OpenMark[], character: string, length: number, from: number): void {
  if (character === "~") stack.push({ mark: "~".repeat(Math.min(length, 2)), from });
  else if (length <= 3) {
    if (length !== 2) stack.push({ mark: character, from });
    if (length !== 1) stack.push({ mark: character.repeat(2), from });
  }
}

function runEnd(text: string, at: number): number {
  let end = at + 1;
  while (text[end] === text[at]) end += 1;
  return end;
}

/** Marks with nothing in them yet are taken away, the others closed. */
function closeStack(base: string, text: string, stack: OpenMark[]): string {
  let cut = 0;
  while (stack.at(-1)?.from === text.length - cut) cut += stack.pop()?.mark.length ?? 0;
  return base.slice(0, base.length - cut).trimEnd() + closers(stack);
}

function closers(stack: readonly OpenMark[]): string {
  return stack
    .toReversed()
    .map(({ mark }) => (mark === "[" ? NO_ADDRESS : mark))
    .join("");
}
