// A ladder whose replies are paid for: a day's purse of so many tokens (0: no limit), what was asked of it, and what it cost.

import type { BudgetSettings } from "#app/core/config-budgets.ts";
import type { ChatModelClient, ChatModelReply, ChatModelRequest } from "#app/services/llm/client.ts";
import { createMemorySpendCounter, type SpendCounter } from "#app/services/llm/spend-counter.ts";
import { createLadderScene } from "./ladder-scene.ts";
import { createScriptedModel } from "./scripted-model.ts";
import { settle } from "./settle.ts";

const NEVER = new AbortController().signal;
const TODAY = () => Date.UTC(2026, 10, 21, 12);
export const REQUEST: ChatModelRequest = {
  messages: [
    { role: "system", content: "1234567890" },
    { role: "user", content: "1234567890" },
  ],
  passages: [],
  lines: { fallback: "I do not know.", quota: "I have used up my words.", suggestions: ["What else?"] },
  model: { name: null, temperature: 0.7, topP: 1, maxOutputTokens: 80 },
  payer: { conversationId: "c1", visitor: "v1" },
};
interface StartOptions {
  readonly settings?: Partial<BudgetSettings>;
  readonly finish?: Partial<ChatModelReply>;
  readonly counter?: SpendCounter;
  readonly model?: ChatModelClient;
  readonly fallback?: ChatModelClient;
}

export function start(
  dayTokens: number,
  { settings, finish, counter, model: given, fallback }: StartOptions = {},
) {
  const scripted = createScriptedModel(finish);
  const sums = counter ?? createMemorySpendCounter();
  const scene = createLadderScene({
    model: given ?? scripted,
    fallback,
    settings: { day: { tokens: dayTokens, costMicros: 0 }, ...settings },
    counter: sums,
    now: TODAY,
  });
  const ask = async (request = REQUEST, signal = NEVER) => {
    let text = "";
    const listen = (delta: string) => {
      text += delta;
    };
    const reply = await scene.client.stream(request, listen, signal);
    await settle(2);
    return { ...reply, text };
  };
  /** What has been counted today. */
  const spent = async (key = "parley:tokens:day:all:2026-11-21"): Promise<number | undefined> => {
    await settle(2);
    return (await sums.add([{ key, by: 0, keptSeconds: 100_000 }]))[0];
  };
  return { ...scene, model: scripted, ask, spent };
}
