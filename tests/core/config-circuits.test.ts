// The breakers' part of the environment: what holds for all, what for one, and pauses that contradict each other.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ConfigError, parseConfig } from "#app/core/config.ts";
import { environmentVariables } from "#app/core/config-schema.ts";

type Environment = Readonly<Record<string, string>>;

const circuitsOf = (env: Environment) => parseConfig(env).circuits;
const COMMON = {
  failureThreshold: 5,
  recoveryMs: 60_000,
  retry: { maxAttempts: 3, waitMinMs: 1_000, waitMaxMs: 10_000 },
};
const REDIS = {
  failureThreshold: 5,
  recoveryMs: 5_000,
  retry: { maxAttempts: 2, waitMinMs: 50, waitMaxMs: 500 },
};
const PREFIXES = { LLM: "llm", FALLBACK_LLM: "fallback-llm", REDIS: "redis", MAIL: "mail" } as const;

function problemsOf(env: Environment): Record<string, string> {
  try {
    parseConfig(env);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return Object.fromEntries(error.problems.map(({ variable, problem }) => [variable, problem]));
  }
  return {};
}

describe("the circuits' settings", () => {
  test("are the same for all by default, but for Redis, which comes back sooner", () => {
    const expected = { llm: COMMON, "fallback-llm": COMMON, redis: REDIS, mail: COMMON };
    assert.deepEqual(circuitsOf({}), expected);
  });

  test("follow the variables of all, but for what a breaker has of its own", () => {
    const env = {
      CIRCUIT_BREAKER_FAILURE_THRESHOLD: "7",
      CIRCUIT_BREAKER_RECOVERY_TIMEOUT: "9",
      RETRY_MAX_ATTEMPTS: "1",
      RETRY_WAIT_MIN: "0.5",
      RETRY_WAIT_MAX: "2.25",
    };
    const all = {
      failureThreshold: 7,
      recoveryMs: 9_000,
      retry: { maxAttempts: 1, waitMinMs: 500, waitMaxMs: 2_250 },
    };
    const redis = { ...REDIS, failureThreshold: 7 };
    assert.deepEqual(circuitsOf(env), { llm: all, "fallback-llm": all, redis, mail: all });
  });

  for (const [prefix, name] of Object.entries(PREFIXES)) {
    test(`of ${name} alone are set by ${prefix}_…, and change no other`, () => {
      const circuits = circuitsOf({
        [`${prefix}_CIRCUIT_BREAKER_FAILURE_THRESHOLD`]: "2",
        [`${prefix}_CIRCUIT_BREAKER_RECOVERY_TIMEOUT`]: "3",
        [`${prefix}_RETRY_MAX_ATTEMPTS`]: "4",
        [`${prefix}_RETRY_WAIT_MIN`]: "0.015",
        [`${prefix}_RETRY_WAIT_MAX`]: "1.005",
      });
      const retry = { maxAttempts: 4, waitMinMs: 15, waitMaxMs: 1_005 };
      const own = { failureThreshold: 2, recoveryMs: 3_000, retry };
      assert.deepEqual(circuits, { ...circuitsOf({}), [name]: own });
    });
  }

  test("of the model are what the model's client takes where it stands alone", () => {
    const { llm, circuits } = parseConfig({
      LLM_CIRCUIT_BREAKER_FAILURE_THRESHOLD: "2",
      LLM_RETRY_MAX_ATTEMPTS: "1",
    });
    assert.equal(llm.breaker.failureThreshold, 2);
    assert.equal(llm.retry, circuits.llm.retry);
    assert.equal(llm.retry.maxAttempts, 1);
  });

  test("cannot be changed", () => {
    const circuits = circuitsOf({});
    assert.ok(Object.isFrozen(circuits));
    for (const settings of Object.values(circuits))
      assert.ok(Object.isFrozen(settings) && Object.isFrozen(settings.retry));
  });
});

describe("a variable of a breaker", () => {
  const REFUSED = {
    CIRCUIT_BREAKER_FAILURE_THRESHOLD: ["0", "1001", "2.5", "-1", "five"],
    CIRCUIT_BREAKER_RECOVERY_TIMEOUT: ["0", "86401", "60s", "1.5"],
    RETRY_MAX_ATTEMPTS: ["0", "11", "1e1"],
    RETRY_WAIT_MIN: ["0", "0.001", "61", "1s", "-1", "1.2345"],
    RETRY_WAIT_MAX: ["0", "0.001", "61", "Infinity"],
  };
  for (const prefix of ["", ...Object.keys(PREFIXES).map((name) => `${name}_`)]) {
    test(`is refused by its name where it is out of bounds: ${prefix || "of all"}`, () => {
      for (const [setting, values] of Object.entries(REFUSED)) {
        const variable = `${prefix}${setting}`;
        // A pause that is too long may stand above the longest one, too: that is a second problem.
        for (const value of values)
          assert.equal(Object.keys(problemsOf({ [variable]: value }))[0], variable, `${variable}=${value}`);
      }
    });
  }

  test("says its bounds, and what holds without it", () => {
    assert.deepEqual(problemsOf({ MAIL_RETRY_MAX_ATTEMPTS: "99", REDIS_RETRY_WAIT_MAX: "never" }), {
      MAIL_RETRY_MAX_ATTEMPTS:
        "must be a whole number of attempts from 1 to 10 (leave it out for that of RETRY_MAX_ATTEMPTS)",
      REDIS_RETRY_WAIT_MAX: "must be a number of seconds from 0.01 to 60, such as 1.5 (leave it out for 0.5)",
    });
  });

  test("stands in the list of variables, five for each of the four and five for all", () => {
    const names = environmentVariables().map(({ name }) => name);
    const ours = names.filter((name) => /(?:^|_)(?:CIRCUIT_BREAKER|RETRY)_/.test(name));
    assert.equal(ours.length, 25);
  });
});

describe("pauses that contradict each other are refused at the variable that was given", () => {
  for (const [env, expected] of [
    [{ RETRY_WAIT_MIN: "11" }, { RETRY_WAIT_MAX: /must not be less than RETRY_WAIT_MIN/ }],
    [{ LLM_RETRY_WAIT_MAX: "0.5" }, { LLM_RETRY_WAIT_MAX: /must not be less than RETRY_WAIT_MIN/ }],
    [{ LLM_RETRY_WAIT_MIN: "20" }, { LLM_RETRY_WAIT_MIN: /must not be more than RETRY_WAIT_MAX/ }],
    [
      { MAIL_RETRY_WAIT_MIN: "5", MAIL_RETRY_WAIT_MAX: "4" },
      { MAIL_RETRY_WAIT_MAX: /must not be less than MAIL_RETRY_WAIT_MIN/ },
    ],
    [{ REDIS_RETRY_WAIT_MIN: "1" }, { REDIS_RETRY_WAIT_MIN: /must not be more than REDIS_RETRY_WAIT_MAX/ }],
    [
      { REDIS_RETRY_WAIT_MAX: "0.01" },
      { REDIS_RETRY_WAIT_MAX: /must not be less than REDIS_RETRY_WAIT_MIN/ },
    ],
    [{ RETRY_WAIT_MIN: "20", RETRY_WAIT_MAX: "30", MAIL_RETRY_WAIT_MAX: "25" }, {}],
    [{ FALLBACK_LLM_RETRY_WAIT_MIN: "20", FALLBACK_LLM_RETRY_WAIT_MAX: "20" }, {}],
  ] satisfies [Environment, Readonly<Record<string, RegExp>>][]) {
    test(JSON.stringify(env), () => {
      const problems = problemsOf(env);
      assert.deepEqual(Object.keys(problems), Object.keys(expected));
      for (const [variable, pattern] of Object.entries<RegExp>(expected))
        assert.match(problems[variable] ?? "", pattern);
    });
  }
});
