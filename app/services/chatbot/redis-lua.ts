// Lua that several scripts begin with. Every script is one atomic step for every other client of Redis.

import { WAKE_PREFIX } from "./redis-keys.ts";

/**
 * `whole()`: is the conversation here, with every message, turn and id it had? Redis may evict one key of it: what is
 * left then is not shown as if it were all, but is gone like the rest.
 */
export const WHOLE = `
local function whole()
  local kept = redis.call("HMGET", META, "token", "messages", "line", "ids")
  return kept[1]
    and tonumber(kept[2]) == redis.call("LLEN", MESSAGES)
    and tonumber(kept[3]) == redis.call("LLEN", LINE)
    and tonumber(kept[4]) == redis.call("HLEN", IDS)
end
`;

/** `touch(ttl)`: notes what `whole` compares with, and lets all keys of the conversation end at one time. */
export const TOUCH = `
local function touch(ttl)
  redis.call("HSET", META, "messages", redis.call("LLEN", MESSAGES),
    "line", redis.call("LLEN", LINE), "ids", redis.call("HLEN", IDS))
  redis.call("PEXPIRE", META, ttl)
  redis.call("PEXPIRE", MESSAGES, ttl)
  redis.call("PEXPIRE", LINE, ttl)
  redis.call("PEXPIRE", IDS, ttl)
  redis.call("PEXPIRE", LEASE, ttl)
end
`;

/** `nowMs()`: the server's clock, the only one that all instances share. */
export const NOW = `
local function nowMs()
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
`;

/** `turns()`: the line. A turn is `m`, `r` (revision) or `p` (persona), 1 if cancelled, and three lines: its id, its message's id, JSON. */
export const TURNS = `
local function turns() return redis.call("LRANGE", LINE, 0, -1) end
local function parts(turn) return string.match(turn, "^(.)(.)\\n([^\\n]*)\\n([^\\n]*)\\n(.*)$") end
`;

/** `wake(instance, id)`: tells the instance that holds the lease, if it is another one, that the line has changed. */
export const WAKE = `
local function wake(instance, id)
  local lease = redis.call("HMGET", LEASE, "untilMs", "owner")
  if lease[2] and lease[2] ~= instance and tonumber(lease[1]) > nowMs() then
    redis.call("PUBLISH", "${WAKE_PREFIX}" .. lease[2], id)
  end
end
`;

/**
 * `serverLife()`: names this run of the server, and the line of primaries it stands in. Another one after a restart or a
 * failover: what the last one had confirmed may be missing since, and nobody can tell. (Also when its first replica comes,
 * and an hour after its last has gone: then nothing is missing, and a new name is all it costs.) 14 µs.
 */
export const SERVER_LIFE = `
local function serverLife()
  local info = redis.call("INFO", "server", "replication")
  return (string.match(info, "run_id:(%x+)") or "") .. (string.match(info, "master_replid:(%x+)") or "")
end
`;

/** `describe()`: the conversation itself, as redis-records.ts reads it. */
export const DESCRIBE = `
local function describe()
  local kept = redis.call("HMGET", META, "token", "fixed", "persona", "seq", "running")
  kept[6] = redis.call("LRANGE", LINE, 0, -1)
  return kept
end
`;
