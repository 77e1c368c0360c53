// The table of Note G (1843) as data: 25 operations on the Variables of the Engine's store. Operation 4 stands as it was
// meant, V4 ÷ V5; the printed table has it the other way round.
// Source: Scientific Memoirs, volume 3 (1843), Note G; see data/objects/note-g.md.

export type OperationSign = "+" | "−" | "×" | "÷";
type Quotient = readonly [top: string, bottom: string];
/** What stands in the last column: words of a formula and fractions, in order. */
export type Statement = readonly (string | Quotient)[];

export interface Operation {
  readonly number: number;
  readonly sign: OperationSign;
  /** The two Variables that go to the mill. */
  readonly from: readonly [number, number];
  /** The Variables that receive the result. */
  readonly to: readonly number[];
  readonly statement: Statement;
}

const TERM: Quotient = ["2n − 1", "2n + 1"];
const HALF: Quotient = ["1", "2"];
const A1: Quotient = ["2n", "2"];
const THIRD: Quotient = ["2n − 1", "3"];
const FOURTH: Quotient = ["2n − 2", "4"];

type Row = readonly [OperationSign, readonly [number, number], readonly number[], Statement];

const ROWS: readonly Row[] = [
  ["×", [2, 3], [4, 5, 6], ["2n"]],
  ["−", [4, 1], [4], ["2n − 1"]],
  ["+", [5, 1], [5], ["2n + 1"]],
  ["÷", [4, 5], [11], [TERM]],
  ["÷", [11, 2], [11], [HALF, "·", TERM]],
  ["−", [13, 11], [13], ["−", HALF, "·", TERM, "= A0"]],
  ["−", [3, 1], [10], ["n − 1"]],
  ["+", [2, 7], [7], ["2 + 0 = 2"]],
  ["÷", [6, 7], [11], [A1, "= A1"]],
  ["×", [21, 11], [12], ["B1 ·", A1, "= B1 A1"]],
  ["+", [12, 13], [13], ["A0 + B1 A1"]],
  ["−", [10, 1], [10], ["n − 2"]],
  ["−", [6, 1], [6], ["2n − 1"]],
  ["+", [1, 7], [7], ["2 + 1 = 3"]],
  ["÷", [6, 7], [8], [THIRD]],
  ["×", [8, 11], [11], [A1, "·", THIRD]],
  ["−", [6, 1], [6], ["2n − 2"]],
  ["+", [1, 7], [7], ["3 + 1 = 4"]],
  ["÷", [6, 7], [9], [FOURTH]],
  ["×", [9, 11], [11], [A1, "·", THIRD, "·", FOURTH, "= A3"]],
  ["×", [22, 11], [12], ["B3 A3"]],
  ["+", [12, 13], [13], ["A0 + B1 A1 + B3 A3"]],
  ["−", [10, 1], [10], ["n − 3"]],
  ["+", [13, 24], [24], ["B7"]],
  ["+", [1, 3], [3], ["n + 1"]],
];

export const OPERATIONS: readonly Operation[] = ROWS.map(([sign, from, to, statement], index) => ({
  number: index + 1,
  sign,
  from,
  to,
  statement,
}));

/** The operations that are repeated for each further term. */
export const CYCLE = { first: 13, last: 23 } as const;
