// The part of the environment that says what models may cost: prices, and the budgets of a run, a conversation, a
// visitor, an organisation and a day. Promises: money is a whole number of millionths of a unit, whatever the unit
// (prices and budgets only have to be in the same one); 0 is no limit. Does not count.

import { z } from "zod";
import { integer } from "./config-fields.ts";

export type BudgetScope = "run" | "conversation" | "visitor" | "organisation" | "day";

/** 0: no limit. */
export interface BudgetLimits {
  readonly tokens: number;
  readonly costMicros: number;
}

/** For a million tokens; the same number is the price of one token in millionths. */
export interface ModelPrices {
  readonly input: number;
  readonly output: number;
}

export interface BudgetSettings {
  /** Of one run; `tokens` are those of the reply alone. */
  readonly run: BudgetLimits;
  readonly conversation: BudgetLimits;
  /** A day (UTC). */
  readonly visitor: BudgetLimits;
  /** A calendar month (UTC). */
  readonly organisation: BudgetLimits;
  /** All together, a day (UTC). */
  readonly day: BudgetLimits;
  /** Whose conversations they are where nobody says otherwise. */
  readonly organisationId: string;
  readonly prices: { readonly model: ModelPrices; readonly "fallback-model": ModelPrices };
}

const MICROS = 1_000_000;
const MAX_TOKENS = 999_999_999_999;

/** An amount of money, in whatever currency; at most six decimals, so that it is a whole number of millionths. */
function money() {
  const error = "must be a number from 0 to 999999999 with at most six decimals, such as 2.50";
  return z
    .string()
    .regex(/^\d{1,9}(?:\.\d{1,6})?$/, { error })
    .transform(Number);
}

const price = (what: string) => money().prefault("0").describe(what);
const tokens = (what: string) => integer("tokens", 0, MAX_TOKENS).prefault("0").describe(what);

export const BUDGET_FIELDS = {
  LLM_PRICE_PER_MILLION_INPUT_TOKENS: price(
    "What a million tokens of prompt cost at the configured model, in any currency.",
  ),
  LLM_PRICE_PER_MILLION_OUTPUT_TOKENS: price("What a million tokens of reply cost at the configured model."),
  FALLBACK_LLM_PRICE_PER_MILLION_INPUT_TOKENS: price(
    "What a million tokens of prompt cost at the fallback model.",
  ),
  FALLBACK_LLM_PRICE_PER_MILLION_OUTPUT_TOKENS: price(
    "What a million tokens of reply cost at the fallback model.",
  ),
  RUN_MAX_OUTPUT_TOKENS: tokens("Longest reply in tokens, whatever a persona asks for; 0: no limit."),
  RUN_COST_BUDGET: price("What one reply may cost, estimated before it begins; 0: no limit."),
  CONVERSATION_TOKEN_BUDGET: tokens("Tokens one conversation may cost in all; 0: no limit."),
  CONVERSATION_COST_BUDGET: price("What one conversation may cost in all; 0: no limit."),
  VISITOR_DAILY_TOKEN_BUDGET: tokens("Tokens one visitor may cost on a day (UTC); 0: no limit."),
  VISITOR_DAILY_COST_BUDGET: price("What one visitor may cost on a day (UTC); 0: no limit."),
  ORGANISATION_ID: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, { error: "must be 1 to 64 of A-Z, a-z, 0-9, _ and -" })
    .prefault("default")
    .describe("The organisation that pays for this installation's conversations."),
  ORGANISATION_MONTHLY_TOKEN_BUDGET: tokens(
    "Tokens the organisation may cost in a calendar month (UTC); 0: no limit.",
  ),
  ORGANISATION_MONTHLY_COST_BUDGET: price(
    "What the organisation may cost in a calendar month (UTC); 0: no limit.",
  ),
  DAILY_TOKEN_BUDGET: integer("tokens", 0, MAX_TOKENS)
    .prefault("300000")
    .describe(
      "Tokens all visitors together may cost on a day (UTC); then personas use their own text; 0: no limit.",
    ),
  DAILY_COST_BUDGET: price("What all visitors together may cost on a day (UTC); 0: no limit."),
};

type BudgetValues = z.output<z.ZodObject<typeof BUDGET_FIELDS>>;

export function toBudgets(values: BudgetValues): BudgetSettings {
  const limits = (tokenLimit: number, cost: number): BudgetLimits =>
    Object.freeze({ tokens: tokenLimit, costMicros: Math.round(cost * MICROS) });
  const prices = (input: number, output: number): ModelPrices => Object.freeze({ input, output });
  return Object.freeze({
    run: limits(values.RUN_MAX_OUTPUT_TOKENS, values.RUN_COST_BUDGET),
    conversation: limits(values.CONVERSATION_TOKEN_BUDGET, values.CONVERSATION_COST_BUDGET),
    visitor: limits(values.VISITOR_DAILY_TOKEN_BUDGET, values.VISITOR_DAILY_COST_BUDGET),
    organisation: limits(values.ORGANISATION_MONTHLY_TOKEN_BUDGET, values.ORGANISATION_MONTHLY_COST_BUDGET),
    day: limits(values.DAILY_TOKEN_BUDGET, values.DAILY_COST_BUDGET),
    organisationId: values.ORGANISATION_ID,
    prices: Object.freeze({
      model: prices(values.LLM_PRICE_PER_MILLION_INPUT_TOKENS, values.LLM_PRICE_PER_MILLION_OUTPUT_TOKENS),
      "fallback-model": prices(
        values.FALLBACK_LLM_PRICE_PER_MILLION_INPUT_TOKENS,
        values.FALLBACK_LLM_PRICE_PER_MILLION_OUTPUT_TOKENS,
      ),
    }),
  });
}

type Issue = { readonly path: readonly string[]; readonly message: string };

/** A budget of money without a price would never be used up, on the text as it was given (blank values left out). */
export function budgetConflicts(given: Readonly<Record<string, string>>): readonly Issue[] {
  const isSet = (name: string): boolean => Number(given[name] ?? 0) !== 0;
  const names = Object.keys(BUDGET_FIELDS);
  const budget = names.find((name) => name.endsWith("_COST_BUDGET") && isSet(name));
  if (budget === undefined || names.some((name) => name.includes("_PRICE_PER_") && isSet(name))) return [];
  const message = `must be set where ${budget} is, or the price of the output or of the fallback model`;
  return [{ path: ["LLM_PRICE_PER_MILLION_INPUT_TOKENS"], message }];
}
