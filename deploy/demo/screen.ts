// What the terminal shows: one line a happening, with its time, and speech that grows word by word between them.
// Promises: never moves the cursor, so that a pipe or a file reads the same; colours only for a terminal that wants them.

export type Tone = "plain" | "good" | "bad" | "quiet";

export interface Screen {
  /** One line: seconds since the start, who, what. Ends a speech that is open. */
  tell(who: string, what: string, tone?: Tone): void;
  /** More of what `who` is saying; wrapped between words. */
  speak(who: string, words: string): void;
  title(text: string): void;
}

interface Terminal {
  readonly isTTY?: boolean | undefined;
  write(text: string): unknown;
}

const WIDTH = 92;
const TIME_WIDTH = 8;
const WHO_WIDTH = 7;
/** Two blanks behind the time, a bar between two more before what is said. */
const MARGIN_WIDTH = TIME_WIDTH + 2 + WHO_WIDTH + 3;
const COLOURS: Readonly<Record<Tone | "bold", string>> = {
  plain: "39",
  good: "32",
  bad: "1;31",
  quiet: "2",
  bold: "1",
};

/** @param env of the process: NO_COLOR (no-color.org) and TERM decide with the terminal itself */
export function createScreen(
  terminal: Terminal,
  env: Readonly<Record<string, string | undefined>>,
  nowMs: () => number = () => performance.now(),
): Screen {
  const hasColours = terminal.isTTY === true && !env.NO_COLOR && env.TERM !== "dumb";
  const startedMs = nowMs();
  let speaker: string | undefined;
  let column = 0;
  /** A blank that is owed before the next word. */
  let blank = false;
  const paint = (text: string, tone: Tone | "bold") =>
    hasColours && tone !== "plain" ? `\u001b[${COLOURS[tone]}m${text}\u001b[0m` : text;
  const margin = (who: string) => {
    const seconds = `${((nowMs() - startedMs) / 1000).toFixed(1)} s`;
    return `${paint(seconds.padStart(TIME_WIDTH), "quiet")}  ${paint(who.padEnd(WHO_WIDTH), "bold")}`;
  };
  const endSpeech = () => {
    if (speaker !== undefined) terminal.write("\n");
    speaker = undefined;
  };
  const startLine = (who: string) => {
    endSpeech();
    terminal.write(`${margin(who)} ${paint("│", "quiet")} `);
    column = MARGIN_WIDTH;
    blank = false;
    speaker = who;
  };
  const write = (who: string, word: string) => {
    // A blank goes out with the word after it, so that no line ends in one.
    const text = blank && column > MARGIN_WIDTH ? ` ${word}` : word;
    const isFull = column + text.length > WIDTH;
    if (isFull) startLine(who);
    else blank = false;
    terminal.write(isFull ? word : text);
    column += isFull ? word.length : text.length;
  };
  return {
    title: (text) => terminal.write(`\n  ${paint(text, "bold")}\n\n`),
    tell(who, what, tone = "plain") {
      endSpeech();
      terminal.write(`${margin(who)} ${paint(what, tone)}\n`);
    },
    speak(who, words) {
      if (speaker !== who) startLine(who);
      for (const piece of words.split(/(\s+)/)) {
        if (piece.trim() === "") blank ||= piece !== "";
        else write(who, piece);
      }
    },
  };
}
