// What a soak runs on: a real Redis, two model providers, a TCP proxy before each of them, and two real server processes.

import { join } from "node:path";
import { Instance } from "../faults/instance.ts";
import { startWordyProvider } from "../faults/wordy-provider.ts";
import { RedisServer } from "../support/redis-server.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";

export interface SoakStage extends AsyncDisposable {
  readonly instances: readonly [Instance, Instance];
  /** Before the configured model, the fallback model, and Redis. */
  readonly model: TcpProxy;
  readonly fallback: TcpProxy;
  readonly redis: TcpProxy;
}

const PRELOAD = join(import.meta.dirname, "measure-on-signal.ts");

/** @param conversationTtlSeconds conversations that nobody touches any more shall leave within the soak */
export async function openSoakStage(conversationTtlSeconds: number): Promise<SoakStage> {
  await using opening = new AsyncDisposableStack();
  const redisServer = opening.use(await RedisServer.start());
  const proxyFor = async (url: string) => opening.use(await TcpProxy.start(Number(new URL(url).port)));
  const model = await proxyFor(opening.use(await startWordyProvider()).url);
  const fallback = await proxyFor(opening.use(await startWordyProvider()).url);
  const redis = await proxyFor(redisServer.url);
  const start = async (): Promise<Instance> =>
    opening.use(
      await Instance.start({
        NODE_OPTIONS: `--expose-gc --max-semi-space-size=8 --import=${PRELOAD}`,
        REDIS_URL: `redis://127.0.0.1:${redis.port}`,
        OPENAI_BASE_URL: `http://127.0.0.1:${model.port}/v1`,
        FALLBACK_OPENAI_BASE_URL: `http://127.0.0.1:${fallback.port}/v1`,
        FALLBACK_OPENAI_MODEL: "substitute",
        // The next fault comes before a minute is over, and shall find the model at work again.
        CIRCUIT_BREAKER_RECOVERY_TIMEOUT: "2",
        CONVERSATION_TTL_SECONDS: String(conversationTtlSeconds),
      }),
    );
  const instances = [await start(), await start()] as const;
  const stack = opening.move();
  return { instances, model, fallback, redis, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}
