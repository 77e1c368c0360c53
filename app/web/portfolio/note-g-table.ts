// Sets the table of Note G as markup when the bundle is made: rows in groups, fractions in MathML. Not part of what
// browsers load as a program; everything in it comes from note-g.ts.

import { CYCLE, OPERATIONS, type Operation, type Statement } from "./note-g.ts";
import { type Fraction, runNoteG } from "./note-g-run.ts";

const GROUPS = [
  { title: "groupFirst", first: 1, last: 7 },
  { title: "groupSecond", first: 8, last: 12 },
  { title: "groupCycle", ...CYCLE },
  { title: "groupEnd", first: 24, last: 25 },
] as const;

const MARKS: Readonly<Record<number, string>> = { 4: "*", 24: "†" };

/** The bodies of the table; their titles are named for the page's texts. */
export function noteGRows(): string {
  const values = new Map<number, Fraction>();
  for (const { number, value } of runNoteG()) if (!values.has(number)) values.set(number, value);
  return GROUPS.map(({ title, first, last }) => {
    const rows = OPERATIONS.slice(first - 1, last).map((operation) => row(operation, values));
    const head = `<tr class="group"><th colspan="5" scope="rowgroup" data-text="${title}">…</th></tr>`;
    return `<tbody class="${title}">${head}${rows.join("")}</tbody>`;
  }).join("");
}

function row({ number, sign, from, to, statement }: Operation, values: Map<number, Fraction>): string {
  const value = values.get(number);
  const mark = MARKS[number] ? `<sup>${MARKS[number]}</sup>` : "";
  return [
    `<tr><th scope="row">${number}${mark}</th>`,
    `<td>${variable(from[0])} <span class="sign">${sign}</span> ${variable(from[1])}</td>`,
    `<td>${to.map(variable).join(" ")}</td>`,
    `<td>${mathOf(statement)}</td>`,
    `<td class="value">${value ? mathOf(fractionStatement(value)) : ""}</td></tr>`,
  ].join("");
}

function variable(number: number): string {
  return `<i>V</i><sub>${number}</sub>`;
}

function fractionStatement({ top, bottom }: Fraction): Statement {
  const size = String(Math.abs(top));
  const sign = top < 0 ? ["−"] : [];
  return bottom === 1 ? [...sign, size] : [...sign, [size, String(bottom)]];
}

function mathOf(statement: Statement): string {
  const parts = statement.map((part) =>
    typeof part === "string"
      ? termsOf(part)
      : `<mfrac><mrow>${termsOf(part[0])}</mrow><mrow>${termsOf(part[1])}</mrow></mfrac>`,
  );
  return `<math>${parts.join("")}</math>`;
}

/** `2n − 1` → numbers, names with their index, signs. */
function termsOf(text: string): string {
  const tokens = text.match(/[AB]\d|\d+|n|[^\s\w]/g) ?? [];
  return tokens
    .map((token) => {
      if (/^[AB]/.test(token)) return `<msub><mi>${token[0]}</mi><mn>${token[1]}</mn></msub>`;
      if (/^\d/.test(token)) return `<mn>${token}</mn>`;
      return token === "n" ? "<mi>n</mi>" : `<mo>${token}</mo>`;
    })
    .join("");
}
