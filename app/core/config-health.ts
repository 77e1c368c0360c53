// The part of the environment that says who may look inside, how long figures are kept, and who is told of trouble.
// Promises: a HealthConfig is complete: mail has a server, a sender and a reader, or there is none.

import { z } from "zod";
import { integer, seconds } from "./config-fields.ts";

export interface HealthConfig {
  /** ADMIN_TOKEN; absent: the doors of administration stay shut. */
  readonly adminToken: string | undefined;
  /** METRICS_TOKEN; absent: only this machine and private networks read /metrics. */
  readonly metricsToken: string | undefined;
  /** METRICS_RETENTION_MINUTES: a day by default. */
  readonly retentionMinutes: number;
  /** HEALTH_CHECK_INTERVAL in milliseconds; 30,000 by default. */
  readonly checkIntervalMs: number;
  /** ALERT_WEBHOOK_URL; may hold a secret. */
  readonly webhookUrl: string | undefined;
  /** SMTP_URL (may hold a password), ALERT_MAIL_TO and MAIL_FROM; absent where no alert goes by mail. */
  readonly mail: { readonly smtpUrl: string; readonly to: string; readonly from: string } | undefined;
}

const SECRET = /^(?:[\x21-\x7e]{16,4096})?$/;
const MAIL_ADDRESS = { error: "must be one mail address such as ada@example.org" };

function address(protocols: RegExp, error: string, isUsable: (url: URL) => boolean) {
  const fits = (value: string) => {
    const url = URL.canParse(value) ? new URL(value) : undefined;
    return url !== undefined && protocols.test(url.protocol) && url.hostname !== "" && isUsable(url);
  };
  return z.string().refine((value) => value === "" || fits(value), { error });
}

/** fetch() refuses an address that holds a user or a password. */
function hasNoLogin({ username, password }: URL): boolean {
  return username === "" && password === "";
}

/** A `%` in a password has to be written `%25`. */
function hasReadableLogin({ username, password }: URL): boolean {
  try {
    decodeURIComponent(username + password);
    return true;
  } catch {
    return false;
  }
}

function mailAddress() {
  return z.string().refine((value) => value === "" || z.email().safeParse(value).success, MAIL_ADDRESS);
}

export const HEALTH_FIELDS = {
  ADMIN_TOKEN: z
    .string()
    .regex(SECRET, { error: "must be at least 16 visible characters without blanks" })
    .prefault("")
    .describe(
      "Opens health details and resets, as a bearer token; empty: nobody can. At least 16 characters.",
    ),
  METRICS_TOKEN: z
    .string()
    .regex(SECRET, { error: "must be at least 16 visible characters without blanks" })
    .prefault("")
    .describe(
      "Opens /metrics beyond this machine and private networks, as a bearer token; at least 16 characters.",
    ),
  METRICS_RETENTION_MINUTES: integer("minutes", 1, 10_080)
    .prefault("1440")
    .describe("Minutes that /api/v1/health/metrics looks back."),
  HEALTH_CHECK_INTERVAL: seconds(0.05, 3600)
    .prefault("30")
    .describe("Seconds between two looks at itself; three bad ones in a row raise an alert."),
  ALERT_WEBHOOK_URL: address(/^https?:$/, "must be an http or https address without a login", hasNoLogin)
    .prefault("")
    .describe("Address that alerts are posted to as JSON; empty: to none."),
  SMTP_URL: address(
    /^smtps?:$/,
    "must be an smtp:// or smtps:// address, its login percent-encoded",
    hasReadableLogin,
  )
    .prefault("")
    .describe("Mail server, smtp://user:password@host:port or smtps://; empty: no mail is sent."),
  ALERT_MAIL_TO: mailAddress().prefault("").describe("Mail address that alerts are sent to; empty: to none."),
  MAIL_FROM: mailAddress().prefault("").describe("Mail address that mail is sent from."),
};

type HealthValues = { readonly [Name in keyof typeof HEALTH_FIELDS]: z.output<(typeof HEALTH_FIELDS)[Name]> };

/** What does not fit together, on the text as it was given (blank values left out). */
export function healthConflicts(given: Readonly<Record<string, string>>) {
  if (!given.ALERT_MAIL_TO) return [];
  return (["SMTP_URL", "MAIL_FROM"] as const)
    .filter((name) => !given[name])
    .map((name) => ({ path: [name], message: "must be set where ALERT_MAIL_TO is" }));
}

export function toHealthConfig(values: HealthValues): HealthConfig {
  const { SMTP_URL: smtpUrl, ALERT_MAIL_TO: to, MAIL_FROM: from } = values;
  return Object.freeze({
    adminToken: values.ADMIN_TOKEN || undefined,
    metricsToken: values.METRICS_TOKEN || undefined,
    retentionMinutes: values.METRICS_RETENTION_MINUTES,
    checkIntervalMs: values.HEALTH_CHECK_INTERVAL * 1000,
    webhookUrl: values.ALERT_WEBHOOK_URL || undefined,
    mail: smtpUrl && to && from ? Object.freeze({ smtpUrl, to, from }) : undefined,
  });
}
