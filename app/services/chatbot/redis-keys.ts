// The names under which a conversation stands in Redis. The id is the hash tag of them all: they lie in one slot, so
// that a script over them is atomic, in a cluster too. Ids were checked where they came in.

import type { RedisScript } from "#app/core/redis-script.ts";

/** `live` is no key but the sharded channel of new events; it has to lie in the same slot. */
export type ConversationKey = "meta" | "messages" | "line" | "ids" | "lease" | "events" | "live";

export type ConversationScript = RedisScript<ConversationKey>;

/** What stands before the id of an instance in the name of the channel that wakes it. */
export const WAKE_PREFIX = "parley:wake:";

export function conversationKey(conversationId: string, key: ConversationKey): string {
  return `parley:{${conversationId}}:${key}`;
}

/** The keys that a script takes, in its order. */
export function keysOf(script: ConversationScript, conversationId: string): string[] {
  return script.keys.map((key) => conversationKey(conversationId, key));
}
