// The scripts of the run lease. The server's clock decides; the key outlives the lease, since generations must grow.

import { defineScript } from "#app/core/redis-script.ts";
import { NOW, WHOLE } from "./redis-lua.ts";

/**
 * Atomic: that nobody holds it and that it is taken. Takes life in ms, instance, ttl, 1
 * where what lapsed is another's and is not to be taken, 1 where what stands under that instance's name may be nobody's:
 * the answer to an earlier call was lost. Gives the generation, or nil.
 * Generations grow with the clock: also where the last one was lost, by FLUSHALL or a failover, the next is higher,
 * and whoever still holds the lost one is fenced off.
 */
export const ACQUIRE = defineScript({
  name: "acquire",
  keys: ["lease"],
  // The next attempt says that the lease may be its own.
  repeatable: true,
  body: `${NOW}
local now = nowMs()
local lease = redis.call("HMGET", LEASE, "generation", "untilMs", "owner")
local mayBeOurs = ARGV[5] == "1" and lease[3] == ARGV[2]
if lease[2] and tonumber(lease[2]) > now and not mayBeOurs then return false end
if ARGV[4] == "1" and lease[2] and lease[2] ~= "0" and lease[3] ~= ARGV[2] then return false end
local generation = math.max(now, tonumber(lease[1] or 0) + 1)
redis.call("HSET", LEASE, "generation", string.format("%d", generation),
  "untilMs", string.format("%d", now + ARGV[1]), "owner", ARGV[2])
redis.call("PEXPIRE", LEASE, ARGV[3])
return generation`,
});

/**
 * Atomic: that it is still ours and that it is longer. A lease that lapsed and that nobody took is still ours.
 * A conversation that runs does not end by its age: all its keys are prolonged too.
 * Takes generation, life in ms, ttl, life of the events in ms. Gives 1, or 0 when it is not ours.
 */
export const RENEW = defineScript({
  name: "renew",
  keys: ["lease", "meta", "messages", "line", "ids", "events"],
  flags: "allow-oom",
  body: `${NOW}
local lease = redis.call("HMGET", LEASE, "generation", "untilMs")
if lease[1] ~= ARGV[1] or lease[2] == "0" then return 0 end
redis.call("HSET", LEASE, "untilMs", string.format("%d", nowMs() + ARGV[2]))
redis.call("PEXPIRE", LEASE, ARGV[3])
redis.call("PEXPIRE", META, ARGV[3])
redis.call("PEXPIRE", MESSAGES, ARGV[3])
redis.call("PEXPIRE", LINE, ARGV[3])
redis.call("PEXPIRE", IDS, ARGV[3])
redis.call("PEXPIRE", EVENTS, ARGV[4])
return 1`,
});

/**
 * Atomic: that it is ours and that it is free, else it could be taken from the next one; and whether something came into
 * the line at the last moment. Takes generation. Gives 0 when it is not ours, 2 with something in line, else 1.
 */
export const RELEASE = defineScript({
  name: "release",
  keys: ["lease", "line", "meta", "messages", "ids"],
  flags: "allow-oom",
  body: `${WHOLE}
if redis.call("HGET", LEASE, "generation") ~= ARGV[1] then return 0 end
redis.call("HSET", LEASE, "untilMs", "0")
return whole() and redis.call("LLEN", LINE) > 0 and 2 or 1`,
});
