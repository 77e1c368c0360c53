// The demonstration's terminal: lines, wrapping, colours, and what a pipe gets.

import assert from "node:assert/strict";
import { it } from "node:test";
import { createScreen } from "../../deploy/demo/screen.ts";

const ESCAPE = "\u001b";

class Recorder {
  readonly isTTY: boolean;
  text = "";

  constructor(isTTY = false) {
    this.isTTY = isTTY;
  }

  write(text: string): void {
    this.text += text;
  }
}

function recorded(isTTY: boolean, env: Record<string, string> = {}) {
  const terminal = new Recorder(isTTY);
  let nowMs = 1_000;
  const screen = createScreen(terminal, env, () => nowMs);
  const pass = (ms: number) => {
    nowMs += ms;
  };
  return { terminal, screen, pass };
}

it("a line has the seconds since the start, who, and what", () => {
  const { terminal, screen, pass } = recorded(false);
  screen.tell("redis", "is there");
  pass(12_340);
  screen.tell("visitor", "is back", "good");
  assert.equal(terminal.text, "   0.0 s  redis   is there\n  12.3 s  visitor is back\n");
});

it("speech goes on in its line, is wrapped between words, and ends where a line is told", () => {
  const { terminal, screen } = recorded(false);
  for (const word of "one two three four ".repeat(8).split(/(?<= )/)) screen.speak("A", word);
  screen.speak("B", "five");
  screen.tell("A", "gone");
  const lines = terminal.text.trimEnd().split("\n");
  assert.equal(lines.length, 5);
  for (const line of lines) assert.ok(line.length <= 92 && line === line.trimEnd(), JSON.stringify(line));
  const words = lines.slice(0, 3).map((line) => line.replace(/^.*│ /, ""));
  assert.equal(words.join(" "), "one two three four ".repeat(8).trimEnd());
  assert.match(lines[3] ?? "", /B {7}│ five$/);
});

it("a pipe, NO_COLOR and a dumb terminal get no control character; a terminal gets colours and no cursor moves", () => {
  for (const [isTTY, env] of [
    [false, {}],
    [true, { NO_COLOR: "1" }],
    [true, { TERM: "dumb" }],
  ] as const) {
    const { terminal, screen } = recorded(isTTY, env);
    screen.title("title");
    screen.tell("A", "bad", "bad");
    screen.speak("A", "word");
    assert.ok(!terminal.text.includes(ESCAPE), JSON.stringify(terminal.text));
  }
  const { terminal, screen } = recorded(true, { TERM: "xterm" });
  screen.tell("A", "bad", "bad");
  assert.ok(terminal.text.endsWith(`${ESCAPE}[1;31mbad${ESCAPE}[0m\n`), JSON.stringify(terminal.text));
  const codes = terminal.text.split(ESCAPE).slice(1);
  for (const code of codes) assert.match(code, /^\[[\d;]+m/);
});
