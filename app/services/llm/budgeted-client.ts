// A model that stops costing money when the day's budget is used up: from then on the persona answers from its own
// text, and says that it does. A budget that cannot be asked counts as used up.

import type { ChatModelClient, ChatModelRequest, TokenUsage } from "./client.ts";
import type { TokenBudget } from "./token-budget.ts";

export interface BudgetedClientOptions {
  readonly model: ChatModelClient;
  /** Answers without a model. */
  readonly offline: ChatModelClient;
  readonly budget: TokenBudget;
  /** How many tokens a text costs, rather too many than too few. */
  readonly estimate: (text: string) => number;
}

export function createBudgetedClient(options: BudgetedClientOptions): ChatModelClient {
  const { model, offline, budget, estimate } = options;
  return {
    provider: model.provider,
    async stream(request, onDelta, signal) {
      const inputTokens = inputOf(request, estimate);
      const most = inputTokens + request.model.maxOutputTokens;
      const reservation = await budget.reserve(most).catch(() => undefined);
      if (!reservation) {
        const lines = { ...request.lines, fallback: request.lines.quota };
        const reply = await offline.stream({ ...request, lines }, onDelta, signal);
        return { ...reply, reason: "quota_exceeded" };
      }
      const isAsked = !signal.aborted;
      let said = "";
      let usage: TokenUsage | undefined;
      const listen = (delta: string): void => {
        said += delta;
        onDelta(delta);
      };
      try {
        signal.throwIfAborted();
        const reply = await model.stream(request, listen, signal);
        usage = reply.usage;
        return reply;
      } finally {
        // Without a bill, what was said is estimated: a stopped reply has cost its prompt all the same.
        const estimated = isAsked ? inputTokens + estimate(said) : 0;
        // Not waited for: neither a stop nor the end of a reply is to be late for the sake of the books.
        void reservation.settle(usage ? usage.inputTokens + usage.outputTokens : estimated);
      }
    },
  };
}

function inputOf(request: ChatModelRequest, estimate: (text: string) => number): number {
  return request.messages.reduce((sum, message) => sum + estimate(message.content), 0);
}
