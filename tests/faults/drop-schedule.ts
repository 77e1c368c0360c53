// What may happen to a conversation whose tabs are cut off, as fast-check draws it. A schedule is a row of steps; each
// of them does something, cuts one tab off at some moment, and brings it back.

import fc from "fast-check";

export type Action =
  | { readonly type: "speak"; readonly pieces: number }
  /** `unheard`: the tab is cut off before the message is accepted, and says it again under the same id. */
  | { readonly type: "say"; readonly isUnheard: boolean; readonly pieces: readonly string[] }
  /** What was asked `back` questions ago says something else from now on; `unheard` as above. */
  | {
      readonly type: "edit";
      readonly back: number;
      readonly isUnheard: boolean;
      readonly pieces: readonly string[];
    }
  /** Another answer to what was asked `back` questions ago; unnamed, to whatever was asked last. */
  | { readonly type: "regenerate"; readonly back: number; readonly isNamed: boolean }
  | { readonly type: "stop"; readonly what: "the last" | "all" }
  | { readonly type: "nothing" };

export interface Step {
  /** Before the cut. */
  readonly action: Action;
  /** `at the end`: so many turns of the loop after the model may say its last. */
  readonly moment: "at once" | "mid-reply" | "at the end" | "between replies";
  readonly turns: number;
  /** Connections that go before this one is back: their join not answered, or answered and not carried out. */
  readonly broken: readonly { readonly isJoined: boolean; readonly turns: number }[];
  readonly way: "terminate" | "close";
  readonly hasPosition: boolean;
  readonly isSecondTab: boolean;
  readonly place: 0 | 1;
}

const WORDS = [
  "Şimdi ",
  "ığdır ",
  "değil→",
  "İÇÖ ",
  "😀",
  "👩‍👩‍👧‍👦 ",
  "🇹🇷",
  "e\u0301 ",
  "\r\n",
  "word ",
  "\u0000",
];

/** A reply cut anywhere, in the middle of an emoji too, as a provider may. */
const REPLY = fc
  .tuple(fc.array(fc.constantFrom(...WORDS), { minLength: 1, maxLength: 30 }), fc.integer({ min: 1, max: 7 }))
  .map(([words, size]) => words.join("").match(new RegExp(`.{1,${size}}`, "gs")) ?? []);

const ACTION: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant("speak" as const), pieces: fc.integer({ min: 1, max: 6 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant("say" as const), isUnheard: fc.boolean(), pieces: REPLY }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("edit" as const),
      back: fc.nat(3),
      isUnheard: fc.boolean(),
      pieces: REPLY,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("regenerate" as const),
      back: fc.nat(3),
      isNamed: fc.oneof({ weight: 3, arbitrary: fc.constant(true) }, fc.constant(false)),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("stop" as const),
      what: fc.constantFrom("the last" as const, "all" as const),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ type: "nothing" as const }) },
);

const STEP: fc.Arbitrary<Step> = fc.record({
  action: ACTION,
  moment: fc.constantFrom("at once", "mid-reply", "at the end", "between replies"),
  turns: fc.nat(12),
  broken: fc.array(fc.record({ isJoined: fc.boolean(), turns: fc.nat(6) }), { maxLength: 2 }),
  way: fc.constantFrom("terminate", "close"),
  hasPosition: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, fc.constant(false)),
  isSecondTab: fc.boolean(),
  place: fc.constantFrom(0, 1),
});

/** So many steps; each brings one resume that is carried through. */
export function drawSchedule(steps: number): fc.Arbitrary<Step[]> {
  return fc.array(STEP, { minLength: steps, maxLength: steps });
}
