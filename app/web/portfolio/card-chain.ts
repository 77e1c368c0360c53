// Draws the page's ornament when the bundle is made: the table of Note G as a chain of 25 punched cards. On each card
// the kind of operation is punched on the left, then the Variables that it reads and the one that it writes.

import { CYCLE, OPERATIONS, type Operation, type OperationSign } from "./note-g.ts";

const SIGNS: readonly OperationSign[] = ["+", "−", "×", "÷"];
const VARIABLES = 24;
const PITCH = 13.5;
const ROW = 22;
const CARD = { x: 22, height: 17, width: 434 } as const;
const FIRST_HOLE = CARD.x + 27;
const GAP = 16;
const TOP = 14;
const WIDTH = 500;
const HEIGHT = TOP * 2 + OPERATIONS.length * ROW;
const LACES = [CARD.x + 10, CARD.x + CARD.width - 10] as const;

/** An SVG of its own; the label is named for the page's texts. */
export function cardChain(): string {
  const laces = LACES.map((x) => `<path class="lace" d="M${x} 0V${HEIGHT}"/>`).join("");
  const cards = OPERATIONS.map(card).join("");
  return `<svg class="chain" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" data-label="chainLabel">${laces}${cards}${bracket()}</svg>`;
}

function card(operation: Operation): string {
  const y = TOP + (operation.number - 1) * ROW;
  const middle = y + CARD.height / 2;
  const sign = SIGNS.map((name, index) =>
    hole(FIRST_HOLE + index * PITCH, middle, name === operation.sign ? "order" : ""),
  );
  const variables = Array.from({ length: VARIABLES }, (_, index) => {
    const number = index + 1;
    const x = FIRST_HOLE + SIGNS.length * PITCH + GAP + index * PITCH;
    const isRead = operation.from.includes(number);
    if (!operation.to.includes(number)) return hole(x, middle, isRead ? "read" : "");
    const pip = isRead ? `<circle class="read" cx="${x}" cy="${middle}" r="1.7"/>` : "";
    return hole(x, middle, "write") + pip;
  });
  const sheet = `<rect class="pasteboard" x="${CARD.x}" y="${y}" width="${CARD.width}" height="${CARD.height}" rx="1.5"/>`;
  const eyes = LACES.map((x) => `<circle class="eye" cx="${x}" cy="${middle}" r="2.2"/>`);
  const number = `<text x="${CARD.x - 7}" y="${middle + 3.2}">${operation.number}</text>`;
  return `<g>${sheet}${[...eyes, ...sign, ...variables].join("")}${number}</g>`;
}

function hole(x: number, y: number, kind: string): string {
  return kind === ""
    ? `<circle class="blank" cx="${x}" cy="${y}" r=".9"/>`
    : `<circle class="${kind}" cx="${x}" cy="${y}" r="4.1"/>`;
}

/** Embraces the cycle. */
function bracket(): string {
  const from = TOP + (CYCLE.first - 1) * ROW + 2;
  const to = TOP + (CYCLE.last - 1) * ROW + CARD.height - 2;
  const x = CARD.x + CARD.width + 8;
  const middle = (from + to) / 2;
  return `<path class="cycle" d="M${x} ${from}q9 0 9 9V${middle - 9}q0 9 9 9q-9 0-9 9V${to - 9}q0 9-9 9"/>`;
}
