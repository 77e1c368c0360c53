// The environment's part about looking inside and telling of trouble.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ConfigError, parseConfig } from "#app/core/config.ts";

function problemsOf(env: Readonly<Record<string, string>>): Record<string, string> {
  try {
    parseConfig(env);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return Object.fromEntries(error.problems.map(({ variable, problem }) => [variable, problem]));
  }
  return {};
}

const MAIL = {
  SMTP_URL: "smtps://user:p%40ss@mail.example.org:465",
  ALERT_MAIL_TO: "ada@example.org",
  MAIL_FROM: "parley@example.org",
};

describe("the health part of the environment", () => {
  test("is taken as it is meant, in milliseconds", () => {
    const { health } = parseConfig({
      ADMIN_TOKEN: "sixteen-visible!",
      METRICS_RETENTION_MINUTES: "60",
      HEALTH_CHECK_INTERVAL: "1.5",
      ALERT_WEBHOOK_URL: "https://hooks.example.org/a?key=b",
      ...MAIL,
    });
    assert.partialDeepStrictEqual(health, {
      adminToken: "sixteen-visible!",
      retentionMinutes: 60,
      checkIntervalMs: 1_500,
      webhookUrl: "https://hooks.example.org/a?key=b",
      mail: { smtpUrl: MAIL.SMTP_URL, to: MAIL.ALERT_MAIL_TO, from: MAIL.MAIL_FROM },
    });
  });

  test("has mail only where there is somebody to write to", () => {
    const { ALERT_MAIL_TO: _, ...rest } = MAIL;
    assert.equal(parseConfig(rest).health.mail, undefined);
  });

  test("wants a server and a sender where there is somebody to write to", () => {
    const problems = problemsOf({ ALERT_MAIL_TO: MAIL.ALERT_MAIL_TO });
    assert.deepEqual(Object.keys(problems).toSorted(), ["MAIL_FROM", "SMTP_URL"]);
  });

  const REFUSED: Readonly<Record<string, readonly string[]>> = {
    ADMIN_TOKEN: ["short", "fifteen-letters", "sixteen but with blanks", "sechzehn-zeichen-ü"],
    METRICS_RETENTION_MINUTES: ["0", "10081", "a day"],
    HEALTH_CHECK_INTERVAL: ["0", "0.01", "3601", "30s"],
    ALERT_WEBHOOK_URL: [
      "hooks.example.org",
      "ftp://hooks.example.org",
      "file:///etc/passwd",
      "https://ada:secret-word@hooks.example.org",
    ],
    SMTP_URL: [
      "mail.example.org",
      "http://mail.example.org",
      "smtp:///host",
      "smtp://ada:100%@mail.example.org",
    ],
    ALERT_MAIL_TO: ["ada", "ada@example.org, eve@example.org", "Ada <ada@example.org>"],
    MAIL_FROM: ["parley", "a@b@c"],
  };
  for (const [name, values] of Object.entries(REFUSED)) {
    for (const value of values) {
      test(`${name}=${value} is refused, by name and without the value`, () => {
        const problem = problemsOf({ ...MAIL, [name]: value })[name] ?? "";
        assert.match(problem, /^must .+ \(leave it out for .+\)$/);
        assert.ok(!problem.includes(value) || value.length < 6, problem);
      });
    }
  }
});
