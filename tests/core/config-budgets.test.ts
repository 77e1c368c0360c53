// The budgets' part of the environment: limits, prices, what 0 and nothing mean, and budgets that could never bind.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ConfigError, parseConfig } from "#app/core/config.ts";
import { environmentVariables } from "#app/core/config-schema.ts";

type Environment = Readonly<Record<string, string>>;

const budgetsOf = (env: Environment) => parseConfig(env).budgets;
const PRICED = { LLM_PRICE_PER_MILLION_OUTPUT_TOKENS: "1" };

function problemsOf(env: Environment): Record<string, string> {
  try {
    parseConfig(env);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return Object.fromEntries(error.problems.map(({ variable, problem }) => [variable, problem]));
  }
  return {};
}

describe("the budgets' settings", () => {
  for (const [name, value, scope, limits] of [
    ["RUN_MAX_OUTPUT_TOKENS", "200", "run", { tokens: 200, costMicros: 0 }],
    ["RUN_COST_BUDGET", "0.02", "run", { tokens: 0, costMicros: 20_000 }],
    ["CONVERSATION_TOKEN_BUDGET", "20000", "conversation", { tokens: 20_000, costMicros: 0 }],
    ["CONVERSATION_COST_BUDGET", "0.5", "conversation", { tokens: 0, costMicros: 500_000 }],
    ["VISITOR_DAILY_TOKEN_BUDGET", "1", "visitor", { tokens: 1, costMicros: 0 }],
    ["VISITOR_DAILY_COST_BUDGET", "0.000001", "visitor", { tokens: 0, costMicros: 1 }],
    [
      "ORGANISATION_MONTHLY_TOKEN_BUDGET",
      "999999999999",
      "organisation",
      { tokens: 999_999_999_999, costMicros: 0 },
    ],
    ["ORGANISATION_MONTHLY_COST_BUDGET", "19.99", "organisation", { tokens: 0, costMicros: 19_990_000 }],
    ["DAILY_TOKEN_BUDGET", "0", "day", { tokens: 0, costMicros: 0 }],
    ["DAILY_COST_BUDGET", "3", "day", { tokens: 300_000, costMicros: 3_000_000 }],
  ] as const)
    test(`${name}=${value} is the limit of the ${scope}`, () => {
      const budgets = budgetsOf({ ...PRICED, [name]: value });
      assert.deepEqual(budgets[scope], limits);
      const { [scope]: _, ...others } = budgets;
      const { [scope]: __, ...usual } = budgetsOf(PRICED);
      assert.deepEqual(others, usual);
    });

  test("are no limits where they are left out or empty, but for the day's tokens", () => {
    const none = { tokens: 0, costMicros: 0 };
    for (const env of [
      {},
      { DAILY_TOKEN_BUDGET: "", DAILY_COST_BUDGET: " ", VISITOR_DAILY_TOKEN_BUDGET: "" },
    ]) {
      const { run, conversation, visitor, organisation, day } = budgetsOf(env);
      for (const limits of [run, conversation, visitor, organisation]) assert.deepEqual(limits, none);
      assert.deepEqual(day, { tokens: 300_000, costMicros: 0 });
    }
  });

  test("hold the prices of both models, each for a million tokens", () => {
    const { prices } = budgetsOf({
      LLM_PRICE_PER_MILLION_INPUT_TOKENS: "0.15",
      LLM_PRICE_PER_MILLION_OUTPUT_TOKENS: "0.6",
      FALLBACK_LLM_PRICE_PER_MILLION_INPUT_TOKENS: "3",
      FALLBACK_LLM_PRICE_PER_MILLION_OUTPUT_TOKENS: "15",
    });
    assert.deepEqual(prices, {
      model: { input: 0.15, output: 0.6 },
      "fallback-model": { input: 3, output: 15 },
    });
  });

  test("name the organisation that pays", () => {
    assert.equal(budgetsOf({ ORGANISATION_ID: "acme-1_x" }).organisationId, "acme-1_x");
  });

  test("cannot be changed", () => {
    const budgets = budgetsOf({});
    const { prices, run, day } = budgets;
    for (const part of [budgets, prices, prices.model, run, day]) assert.ok(Object.isFrozen(part));
  });
});

describe("a budget or a price that is none is refused by its name", () => {
  const names = environmentVariables()
    .map(({ name }) => name)
    .filter((name) => /_COST_BUDGET$|_PRICE_PER_/.test(name));
  for (const name of names)
    test(name, () => {
      for (const wrong of ["-1", "1e3", "1,5", ".5", "0.1234567", "1000000000", "much", "€2"])
        assert.match(
          problemsOf({ ...PRICED, [name]: wrong })[name] ?? "",
          /such as 2\.50 \(leave it out for 0\)/,
        );
    });

  for (const name of ["RUN_MAX_OUTPUT_TOKENS", "CONVERSATION_TOKEN_BUDGET", "DAILY_TOKEN_BUDGET"])
    test(name, () => {
      for (const wrong of ["-1", "1.5", "1e3", "1000000000000"])
        assert.match(problemsOf({ [name]: wrong })[name] ?? "", /whole number of tokens/);
    });

  test("ORGANISATION_ID, which stands in keys", () => {
    for (const wrong of ["a b", "a:b", "é", "a/b", "x".repeat(65)])
      assert.deepEqual(Object.keys(problemsOf({ ORGANISATION_ID: wrong })), ["ORGANISATION_ID"]);
  });
});

describe("a budget of money without any price", () => {
  test("would never be used up, and is refused", () => {
    const problems = problemsOf({ DAILY_COST_BUDGET: "5" });
    assert.deepEqual(Object.keys(problems), ["LLM_PRICE_PER_MILLION_INPUT_TOKENS"]);
    assert.match(Object.values(problems)[0] ?? "", /must be set where DAILY_COST_BUDGET is/);
  });

  test("is fine with any one price, and where it is 0", () => {
    for (const price of [
      "LLM_PRICE_PER_MILLION_INPUT_TOKENS",
      "FALLBACK_LLM_PRICE_PER_MILLION_OUTPUT_TOKENS",
    ])
      assert.deepEqual(problemsOf({ DAILY_COST_BUDGET: "5", [price]: "0.1" }), {});
    assert.deepEqual(problemsOf({ DAILY_COST_BUDGET: "0" }), {});
  });
});
