// Many tabs at a time: opened without a rush, heard with one timer for all of them.

import { until } from "../support/until.ts";
import type { Ledger } from "./ledger.ts";
import type { Story } from "./story.ts";
import { Tab } from "./tab.ts";
import type { Order } from "./wordy-provider.ts";

type Place = Parameters<typeof Tab.open>[0];

/** So many handshakes at a time: a loaded machine must not make them late. */
const AT_ONCE = 25;
const SPEAKS_AFTER = 30;

/** One tab for each place, each on a conversation of its own. */
export function openTabs(places: readonly Place[]): Promise<Tab[]> {
  return few(places, (place) => Tab.open(place));
}

/** A second tab of each of these conversations. */
export function openBeside(tabs: readonly Tab[], place: Place): Promise<Tab[]> {
  return few(tabs, (tab) => Tab.open(place, tab));
}

/** Each tab asks for its own reply; resolves when all of them are being spoken. */
export async function askAll(
  ledger: Ledger,
  tabs: readonly Tab[],
  orderOf: (index: number) => Order,
): Promise<void> {
  await few([...tabs.entries()], ([index, tab]) => ledger.ask(tab, orderOf(index)));
  const speaks = ({ runs }: Story): boolean => {
    const run = runs.at(-1);
    return run !== undefined && run.outcome === undefined && run.text.length > SPEAKS_AFTER;
  };
  await hearAll("words", tabs, speaks);
}

/** Waits until the condition holds for each of them at some time. */
export async function hearAll(
  what: string,
  tabs: readonly Tab[],
  condition: (story: Story) => boolean,
  timeoutMs = 40_000,
): Promise<void> {
  const missing = new Set(tabs);
  const hasAll = (): boolean => {
    for (const tab of missing) if (condition(tab.story)) missing.delete(tab);
    return missing.size === 0;
  };
  try {
    await until(what, hasAll, timeoutMs);
  } catch (error) {
    const [first] = missing;
    const last = first?.story.events.slice(-4).map((frame) => JSON.stringify(frame).slice(0, 160));
    throw new Error(`${what}: ${missing.size} tabs have not; one of them: ${last?.join("\n")}`, {
      cause: error,
    });
  }
}

/** Whether what was asked last has its whole answer. */
export function isAnswered({ runs }: Story): boolean {
  return runs.at(-1)?.outcome === "success";
}

/** A few at a time. */
async function few<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let start = 0; start < items.length; start += AT_ONCE)
    results.push(...(await Promise.all(items.slice(start, start + AT_ONCE).map(work))));
  return results;
}
