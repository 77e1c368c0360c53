// The purses that a reply is paid from: its conversation's, its visitor's, its organisation's and the day's.
// Promises: however many replies run at once, on however many instances, the sum of what they may cost at most stays
// within every purse; what was taken and not spent comes back. A purse that cannot be counted counts as empty.

import type { BudgetLimits, BudgetScope, BudgetSettings } from "#app/core/config-budgets.ts";
import type { Payer } from "./client.ts";
import type { SpendChange, SpendCounter } from "./spend-counter.ts";

export interface Amount {
  readonly tokens: number;
  readonly costMicros: number;
}

/** What a call has taken out of the purses beforehand. */
export interface Reservation {
  readonly type: "reserved";
  /** Puts back what was not spent. Never rejects. */
  settle(spent: Amount): Promise<void>;
}

export interface Refusal {
  readonly type: "refused";
  /** The first purse that does not hold what was asked for. */
  readonly scope: BudgetScope;
}

export interface Budgets {
  /** Takes `most` out of every purse, or out of none. */
  reserve(payer: Payer, most: Amount): Promise<Reservation | Refusal>;
}

export interface BudgetsOptions {
  readonly settings: BudgetSettings;
  readonly counter: SpendCounter;
  /** A conversation's purse is remembered for as long after its last use as the conversation. */
  readonly conversationTtlMs: number;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

interface Purse {
  readonly scope: BudgetScope;
  readonly unit: keyof Amount;
  readonly limit: number;
  readonly key: string;
  readonly keptSeconds: number;
}

const DAY_SECONDS = 24 * 60 * 60;
/** A reply that began before midnight, or before the end of the month, still finds its purse. */
const SPARE_SECONDS = DAY_SECONDS;
const MONTH_SECONDS = 31 * DAY_SECONDS;

export function createBudgets(options: BudgetsOptions): Budgets {
  const { counter, now = Date.now } = options;
  let newest = "";
  return {
    async reserve(payer, most) {
      const today = new Date(now()).toISOString().slice(0, 10);
      // A clock that is set back opens no day that is over.
      if (today > newest) newest = today;
      const purses = pursesOf(payer, newest, options);
      const take = purses.map((purse) => toChange(purse, most[purse.unit]));
      if (take.length === 0) return { type: "reserved", settle: () => Promise.resolve() };
      const sums = await counter.add(take).catch(() => take.map(() => Number.POSITIVE_INFINITY));
      const empty = purses.find(({ limit }, index) => (sums[index] ?? Number.POSITIVE_INFINITY) > limit);
      if (empty) {
        const counted = take.filter((_, index) => Number.isFinite(sums[index]));
        await counter.add(counted.map((change) => ({ ...change, by: -change.by }))).catch(() => []);
        return { type: "refused", scope: empty.scope };
      }
      return {
        type: "reserved",
        settle: async (spent) => {
          // The purses of the reservation, also after midnight: that is where it was taken from.
          const back = purses.map((purse) => toChange(purse, spent[purse.unit] - most[purse.unit]));
          await counter.add(back.filter(({ by }) => by !== 0)).catch(() => []);
        },
      };
    },
  };
}

function toChange({ key, keptSeconds }: Purse, by: number): SpendChange {
  return { key, keptSeconds, by };
}

/** Those that have a limit and an owner: without one nothing is counted, and nobody is asked. */
function pursesOf(payer: Payer, day: string, options: BudgetsOptions): Purse[] {
  const { settings, conversationTtlMs } = options;
  const { conversation, visitor, organisation } = settings;
  const dayKept = DAY_SECONDS + SPARE_SECONDS;
  const conversationKept = Math.ceil(conversationTtlMs / 1_000) + SPARE_SECONDS;
  const organisationId = payer.organisation ?? settings.organisationId;
  const month = day.slice(0, 7);
  return [
    ...both("conversation", conversation, payer.conversationId, "all", conversationKept),
    ...both("visitor", visitor, payer.visitor, day, dayKept),
    ...both("organisation", organisation, organisationId, month, MONTH_SECONDS + SPARE_SECONDS),
    ...both("day", settings.day, "all", day, dayKept),
  ];
}

function both(
  scope: BudgetScope,
  limits: BudgetLimits,
  id: string | undefined,
  period: string,
  keptSeconds: number,
): Purse[] {
  if (id === undefined) return [];
  const purses = [
    { unit: "tokens", limit: limits.tokens, key: `parley:tokens:${scope}:${id}:${period}` },
    { unit: "costMicros", limit: limits.costMicros, key: `parley:cost:${scope}:${id}:${period}` },
  ] as const;
  return purses.filter(({ limit }) => limit > 0).map((purse) => ({ ...purse, scope, keptSeconds }));
}
