// What the first visitors would otherwise wait for: the graph's first runs, and the indexes of the personas.

import { setImmediate } from "node:timers/promises";
import { createOfflineClient } from "#app/services/llm/offline.ts";
import { createAgent } from "./agent.ts";
import type { Knowledge } from "./knowledge.ts";
import type { PersonaRegistry } from "./persona-registry.ts";

const WARM_UP_RUNS = 20;

/**
 * LangGraph's first runs cost several times what later ones do. The offline provider answers here, whatever the model
 * is: nothing leaves the house.
 */
export async function warmUpGraph(registry: PersonaRegistry, knowledge: Knowledge): Promise<void> {
  const model = createOfflineClient({ wordsPerSecond: Number.POSITIVE_INFINITY });
  const agent = createAgent({ model, knowledge });
  const turn = {
    persona: registry.main(),
    text: "Hello",
    history: { messages: [], olderCount: 0 },
    locale: undefined,
    onDelta: () => undefined,
    signal: new AbortController().signal,
  };
  for (let run = 0; run < WARM_UP_RUNS; run += 1) await agent.reply(turn);
}

/** An index takes some 40 ms: one a turn of the event loop, once visitors are served, and not before. */
export async function warmUpIndexes(
  registry: PersonaRegistry,
  knowledge: Knowledge,
  signal: AbortSignal,
): Promise<void> {
  for (const persona of [...registry.list("persona"), ...registry.list("object")]) {
    await setImmediate();
    if (signal.aborted) return;
    knowledge.warm(persona);
  }
}
