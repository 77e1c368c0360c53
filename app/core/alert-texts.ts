// What each alert means: what visitors notice of it, and the one command that shows or ends it.
// The README's "When it breaks at night" is this table; a test compares the two.

export interface AlertText {
  /** What visitors notice. */
  readonly visitors: string;
  /** On the machine that serves; with the port and the token of the environment. */
  readonly command: string;
}

const DETAILED = `curl -s -H "Authorization: Bearer $ADMIN_TOKEN" localhost:8000/api/v1/health/detailed`;
const DIAGNOSTICS = `curl -s -H "Authorization: Bearer $ADMIN_TOKEN" localhost:8000/api/v1/health/diagnostics`;

export const ALERT_TEXTS = {
  event_loop_lag: {
    visitors: "Words come in bursts. Newcomers are refused with 503; those who are connected go on.",
    command: DETAILED,
  },
  memory: {
    visitors: "Nothing yet. Newcomers are refused with 503; those who are connected go on.",
    command: DETAILED,
  },
  storage: {
    visitors:
      "Running replies go on. Older conversations say that they cannot be reached; new ones live in memory and say so.",
    command: DIAGNOSTICS,
  },
  circuits: {
    visitors: "Replies come from the fallback model or from the persona's own text, and are marked as such.",
    command: "curl -s localhost:8000/api/v1/circuits",
  },
  disk: {
    visitors: "Nothing yet.",
    command: "df -h .",
  },
  error_rate: {
    visitors: "More than half of the replies end with an error.",
    command: DETAILED,
  },
} as const satisfies Record<string, AlertText>;

/** The text of a check; one that the table does not know has the general advice. */
export function alertTextOf(check: string): AlertText {
  const texts: Readonly<Record<string, AlertText>> = ALERT_TEXTS;
  return Object.hasOwn(texts, check) && texts[check]
    ? texts[check]
    : { visitors: "Not known.", command: DETAILED };
}
