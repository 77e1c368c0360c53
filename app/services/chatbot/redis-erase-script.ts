// The script that ends a conversation: nothing of it stays, nobody can write to it any more, and everybody is told.

import { defineScript } from "#app/core/redis-script.ts";
import { WAKE_PREFIX } from "./redis-keys.ts";

/** Longer than any clock of a server is set back: until then a lost generation must not be given again. */
const FENCE_MS = 60_000;

/**
 * Atomic: that the token is its own, that all of it is gone, and that whoever holds the lease has lost it. Of the lease
 * a number stays for a minute, so that the next one's is higher. What is published is a whisper of nobody: every
 * instance takes it for another's, the one that asked for this included, whose answer may get lost.
 * Takes token hash, conversation, frame.
 */
export const ERASE = defineScript({
  name: "erase",
  keys: ["meta", "messages", "line", "ids", "lease", "events", "live"],
  flags: "allow-oom",
  body: `
local token, conversation, frame = ARGV[1], ARGV[2], ARGV[3]
local known = redis.call("HGET", META, "token")
if known and known ~= token then return fail("conversation_not_found") end
-- A part may have been evicted, with the token or without: what is left is nobody's any more.
redis.call("DEL", MESSAGES, LINE, IDS, EVENTS)
if not known then return fail("conversation_not_found") end
local lease = redis.call("HMGET", LEASE, "generation", "owner")
redis.call("DEL", META, LEASE)
if lease[1] then
  redis.call("HSET", LEASE, "generation", string.format("%d", lease[1] + 1), "untilMs", "0")
  redis.call("PEXPIRE", LEASE, ${FENCE_MS})
end
redis.call("SPUBLISH", LIVE, "~\\n" .. frame)
if lease[2] then redis.call("PUBLISH", "${WAKE_PREFIX}" .. lease[2], conversation .. "\\n" .. frame) end
return 1`,
});
