// How many tokens the house may spend on a day: counted before they are spent, corrected when it is known what was.
// Promises: however many replies run at once, the sum of what they may cost at most stays within the budget.

/** Counts the tokens of a day; in one place for all instances, where there is such a place. */
export interface TokenCounter {
  /** Adds to a day's sum (`2026-11-21`, UTC), or takes away; resolves with the new sum. */
  add(day: string, tokens: number): Promise<number>;
}

/** What a reply has taken out of the budget beforehand. */
export interface TokenReservation {
  /** Puts back what was not spent. Never rejects. */
  settle(spentTokens: number): Promise<void>;
}

export interface TokenBudget {
  readonly dailyTokens: number;
  /** Takes `tokens` out of today's budget; undefined when they are not there. */
  reserve(tokens: number): Promise<TokenReservation | undefined>;
}

/** A budget over a counter. @param now milliseconds since 1970 */
export function createTokenBudget(
  dailyTokens: number,
  counter: TokenCounter,
  now: () => number = Date.now,
): TokenBudget {
  let newest = "";
  return {
    dailyTokens,
    async reserve(tokens) {
      const today = new Date(now()).toISOString().slice(0, 10);
      // A clock that is set back opens no day that is over.
      if (today > newest) newest = today;
      const day = newest;
      const sum = await counter.add(day, tokens);
      if (sum > dailyTokens) {
        await counter.add(day, -tokens);
        return undefined;
      }
      return {
        settle: async (spentTokens) => {
          // The day of the reservation, also after midnight: that is where it was taken from.
          await counter.add(day, spentTokens - tokens).catch(() => 0);
        },
      };
    },
  };
}

/** Counts in this process: a restart begins the day anew. */
export function createMemoryTokenCounter(): TokenCounter {
  let today = "";
  let sum = 0;
  return {
    async add(day, tokens) {
      if (day > today) {
        today = day;
        sum = 0;
      }
      // What is settled for a day that is over changes nothing today.
      if (day === today) sum += tokens;
      return sum;
    },
  };
}
