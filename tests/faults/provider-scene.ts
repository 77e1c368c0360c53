// The server in a process of its own, with a scripted provider, perhaps a second one, and a TCP proxy before the first.
// Its log and its metrics are read as an operator would read them. Gone with the test.

import type { TestContext } from "node:test";
import { z } from "zod";
import { parseMetrics, type Scrape } from "../support/metrics-text.ts";
import { KEY } from "../support/remote-request.ts";
import {
  type ChooseReply,
  type ScriptableProvider,
  startScriptableProvider,
} from "../support/scriptable-provider.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";
import { until } from "../support/until.ts";
import { Instance } from "./instance.ts";

export interface ProviderSceneOptions {
  readonly model?: ChooseReply;
  /** There is a fallback model, and this is how it answers. */
  readonly fallback?: ChooseReply;
  readonly env?: Readonly<Record<string, string>>;
}

export interface ProviderScene {
  readonly instance: Instance;
  readonly provider: ScriptableProvider;
  /** The fallback model; asked for nothing where there is none. */
  readonly substitute: ScriptableProvider;
  /** Between the instance and the provider. */
  readonly proxy: TcpProxy;
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  scrape(): Promise<Scrape>;
  /** `GET /api/v1/circuits`: states by name. */
  circuits(): Promise<Readonly<Record<string, string>>>;
}

const WARMED = ["llm_connection_warmed", "llm_connection_failed"];
const circuitsSchema = z.object({ circuits: z.array(z.object({ name: z.string(), state: z.string() })) });

export async function openProviderScene(
  test: TestContext,
  { model, fallback, env = {} }: ProviderSceneOptions = {},
): Promise<ProviderScene> {
  const stack = new AsyncDisposableStack();
  test.after(() => stack.disposeAsync());
  const provider = stack.use(await startScriptableProvider(model));
  const substitute = stack.use(await startScriptableProvider(fallback));
  const proxy = stack.use(await TcpProxy.start(Number(new URL(provider.origin).port)));
  const instance = stack.use(
    await Instance.start({
      OPENAI_BASE_URL: `http://127.0.0.1:${proxy.port}/v1`,
      OPENAI_API_KEY: KEY,
      ...(fallback && {
        FALLBACK_OPENAI_BASE_URL: `${substitute.origin}/v1`,
        FALLBACK_OPENAI_MODEL: "substitute",
      }),
      ...env,
    }),
  );
  // It asks for the list of models at its start, and would be handed a reply that is meant for a visitor.
  const isWarm = () => WARMED.some((event) => instance.logged(event).length > 0);
  await until("the first connection", isWarm, 15_000);
  const { protocol, host } = new URL(instance.socketUrl);
  const url = `${protocol.replace("ws", "http")}//${host}`;
  const get = async (path: string): Promise<Response> => {
    const response = await fetch(`${url}${path}`);
    if (!response.ok) throw new Error(`${path}: ${response.status}`);
    return response;
  };
  return {
    instance,
    provider,
    substitute,
    proxy,
    url,
    scrape: async () => parseMetrics(await (await get("/metrics")).text()),
    async circuits() {
      const { circuits } = circuitsSchema.parse(await (await get("/api/v1/circuits")).json());
      return Object.fromEntries(circuits.map(({ name, state }) => [name, state]));
    },
  };
}
