// A model that stops costing money when the day's budget is used up: from then on the persona answers from its own
// text, and says that it does.

import type { ChatModelClient, ChatModelReply, ChatModelRequest } from "./client.ts";
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
  const { model, offline, budget } = options;
  return {
    provider: model.provider,
    async stream(request, onDelta, signal) {
      const inputTokens = inputOf(request, options.estimate);
      const reservation = await budget.reserve(inputTokens + request.model.maxOutputTokens);
      if (!reservation) {
        const lines = { ...request.lines, fallback: request.lines.quota };
        const reply = await offline.stream({ ...request, lines }, onDelta, signal);
        return { ...reply, reason: "quota_exceeded" };
      }
      let said = "";
      let reply: ChatModelReply | undefined;
      try {
        reply = await model.stream(
          request,
          (delta) => {
            said += delta;
            onDelta(delta);
          },
          signal,
        );
        return reply;
      } finally {
        const usage = reply?.usage;
        // Without a bill, what was said is estimated: a stopped reply has cost its prompt all the same.
        const spent = usage ? usage.inputTokens + usage.outputTokens : inputTokens + options.estimate(said);
        await reservation.settle(spent);
      }
    },
  };
}

function inputOf(request: ChatModelRequest, estimate: (text: string) => number): number {
  return request.messages.reduce((sum, message) => sum + estimate(message.content), 0);
}
