// A model with so many places, as the factory and the ladder build it, above a real HTTP provider: how many calls are under
// way and in line, what was asked, and replies that keep their place until the test lets them go.

import type { TestContext } from "node:test";
import type { ChatModelRequest } from "#app/services/llm/client.ts";
import { parseMetrics } from "./metrics-text.ts";
import { createModelStack, type ModelStackOptions } from "./model-stack.ts";
import { say } from "./provider-chunks.ts";
import { REQUEST } from "./remote-request.ts";
import { type ScriptableProvider, startScriptableProvider } from "./scriptable-provider.ts";

const NEVER = new AbortController().signal;

/** A request that can be told from others at the provider. */
export function asking(content: string): ChatModelRequest {
  return { ...REQUEST, messages: [{ role: "user", content }] };
}

export function askedOf(provider: ScriptableProvider): unknown[] {
  return provider.requests.map(
    ({ body }) => Object(Array.isArray(body.messages) && body.messages[0]).content,
  );
}

export interface PlacesOptions extends ModelStackOptions {
  readonly env?: Readonly<Record<string, string>>;
}

/** One place unless the environment says otherwise; the stack above a provider, and above a fallback where the environment lets its calls through. */
export async function openPlaces(t: TestContext, { env = {}, ...options }: PlacesOptions = {}) {
  const [provider, fallback] = await Promise.all([startScriptableProvider(), startScriptableProvider()]);
  t.after(() => Promise.all([provider.close(), fallback.close()]));
  const stack = createModelStack(
    t,
    {
      OPENAI_BASE_URL: `${provider.origin}/v1`,
      OPENAI_MODEL: "main",
      LLM_CALLS_AT_ONCE: "1",
      ...(env.FALLBACK_LLM_CALLS_AT_ONCE !== undefined && {
        FALLBACK_OPENAI_BASE_URL: `${fallback.origin}/v1`,
        FALLBACK_OPENAI_MODEL: "second",
      }),
      ...env,
    },
    options,
  );
  const scrape = async () => parseMetrics(await stack.metrics.text());
  const calls = async (circuit: string) => {
    const scraped = await scrape();
    const of = (state: string) => scraped.value("parley_llm_calls", { circuit, state });
    return { running: of("running"), waiting: of("waiting") };
  };
  const failures = () => stack.circuits.list().map((circuit) => circuit.failures);
  return { ...stack, provider, fallback, scrape, calls, failures };
}

export type Places = Awaited<ReturnType<typeof openPlaces>>;

/** Takes a place: a reply that has begun, and goes on until it is let go. */
export async function hold({ provider, model }: Places, content = "held") {
  const gate = Promise.withResolvers<void>();
  const word = Promise.withResolvers<void>();
  const steps = [say.ROLE, say.content("a"), { until: gate.promise }, say.content("b"), say.STOP, say.DONE];
  provider.reply({ steps });
  let text = "";
  const listen = (delta: string) => {
    text += delta;
    word.resolve();
  };
  const ended = model.stream(asking(content), listen, NEVER).then((reply) => ({ ...reply, text }));
  await word.promise;
  return { ended, release: gate.resolve };
}
