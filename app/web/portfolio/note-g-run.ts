// Carries out the table of Note G for n = 4 with exact fractions, as the Engine was meant to. Knows no page.

import { CYCLE, OPERATIONS, type Operation, type OperationSign } from "./note-g.ts";

export interface Fraction {
  readonly top: number;
  readonly bottom: number;
}

const VARIABLES = 24;
const KNOWN: readonly (readonly [variable: number, value: Fraction])[] = [
  [1, { top: 1, bottom: 1 }],
  [2, { top: 2, bottom: 1 }],
  [3, { top: 4, bottom: 1 }],
  // B1, B3 and B5 in the numbering of Note G.
  [21, { top: 1, bottom: 6 }],
  [22, { top: -1, bottom: 30 }],
  [23, { top: 1, bottom: 42 }],
];

/** The result of each operation in the order of the run: the cycle is gone through twice, so there are 36. */
export function runNoteG(): readonly { readonly number: number; readonly value: Fraction }[] {
  const store: Fraction[] = Array.from({ length: VARIABLES + 1 }, () => ({ top: 0, bottom: 1 }));
  for (const [variable, value] of KNOWN) store[variable] = value;
  return stepsInOrder().map((operation) => {
    const [left, right] = operation.from.map((variable) => store[variable] ?? { top: 0, bottom: 1 });
    if (!left || !right) throw new Error(`operation ${operation.number} takes two Variables`);
    const value = calculate(operation.sign, left, right);
    for (const variable of operation.to) store[variable] = value;
    return { number: operation.number, value };
  });
}

/** The second passage takes the next known number, V23, from the store. */
function stepsInOrder(): readonly Operation[] {
  const cycle = OPERATIONS.slice(CYCLE.first - 1, CYCLE.last);
  const again = cycle.map((step) => (step.from[0] === 22 ? { ...step, from: [23, 11] as const } : step));
  return [...OPERATIONS.slice(0, CYCLE.last), ...again, ...OPERATIONS.slice(CYCLE.last)];
}

function calculate(sign: OperationSign, a: Fraction, b: Fraction): Fraction {
  switch (sign) {
    case "+":
      return reduced(a.top * b.bottom + b.top * a.bottom, a.bottom * b.bottom);
    case "−":
      return reduced(a.top * b.bottom - b.top * a.bottom, a.bottom * b.bottom);
    case "×":
      return reduced(a.top * b.top, a.bottom * b.bottom);
    case "÷":
      return reduced(a.top * b.bottom, a.bottom * b.top);
    default:
      return sign satisfies never;
  }
}

/** @throws on a division by nought */
function reduced(top: number, bottom: number): Fraction {
  if (bottom === 0) throw new Error("a division by nought");
  const divisor = commonDivisor(Math.abs(top), Math.abs(bottom)) * Math.sign(bottom);
  return { top: top / divisor, bottom: bottom / divisor };
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}
