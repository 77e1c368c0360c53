// What the stories of Redis are told on: a Redis, a provider that answers with what it is asked for, two processes.

import { RedisServer, type RedisServerOptions } from "../support/redis-server.ts";
import { Instance } from "./instance.ts";
import { startWordyProvider } from "./wordy-provider.ts";

export interface TwoInstances {
  readonly redis: RedisServer;
  readonly instances: readonly [Instance, Instance];
}

/** All of it ends with the stack. */
export async function startTwoInstances(
  stack: AsyncDisposableStack,
  options: RedisServerOptions = {},
): Promise<TwoInstances> {
  const redis = stack.use(await RedisServer.start(options));
  const provider = stack.use(await startWordyProvider());
  const settings = { REDIS_URL: redis.url, OPENAI_BASE_URL: provider.url };
  const [one, other] = await Promise.all([Instance.start(settings), Instance.start(settings)]);
  stack.use(one);
  stack.use(other);
  return { redis, instances: [one, other] };
}
