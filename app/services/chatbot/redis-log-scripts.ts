// The scripts of the event log: where it stands, append, read. Epoch and number of the newest event stand in `meta`,
// not in the stream: when the stream is gone, a reader that is up to date can still be told so.

import { OUT_OF_ORDER } from "#app/core/redis-errors.ts";
import { defineScript } from "#app/core/redis-script.ts";
import { SERVER_LIFE } from "./redis-lua.ts";

/**
 * Atomic: that there is no epoch and that this one is it; two instances that open at once agree on one. Also behind a
 * restart or a failover of the server: numbers above what is left may have been shown, and will be given again. What is
 * left keeps its numbers, and who has read no further goes on under the new name: see READ. Whoever asks for a
 * conversation that is not there leaves nothing of it behind.
 * Takes a new epoch, ttl. Gives {epoch, number of the newest event}.
 */
export const OPEN = defineScript({
  name: "open",
  keys: ["meta", "events"],
  // Each time with another name: one that a lost primary gave may have been used since.
  repeatable: true,
  body: `${SERVER_LIFE}
local at = redis.call("HMGET", META, "epoch", "top", "life", "token")
if not at[4] then return {ARGV[1], "0"} end
local life = serverLife()
if at[1] and at[3] == life then return {at[1], at[2]} end
-- Events of a life whose epoch was lost: their numbers will be given again.
if not at[1] then redis.call("DEL", EVENTS) end
local top = at[1] and at[2] or "0"
redis.call("HSET", META, "epoch", ARGV[1], "top", top, "life", life)
if at[1] then redis.call("HSET", META, "before", at[1] .. " " .. top) end
if redis.call("PTTL", META) < 0 then redis.call("PEXPIRE", META, ARGV[2]) end
return {ARGV[1], top}`,
});

/**
 * Atomic: the fence, the number, all events, and that they are published in the order in which they are numbered.
 * The entry of event n has the id n-0; the stream holds the newest ones without a gap, so its first one follows from
 * its length. What is published: the first number, the epoch, the events' lengths in bytes, a line end, the events.
 * Takes generation, first number, floor, most events, life of the events in ms, events.
 */
export const APPEND = defineScript({
  name: "append",
  keys: ["meta", "lease", "events", "live"],
  ordered: true,
  body: `
local generation, first, floor, maxEvents = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local at = redis.call("HMGET", META, "epoch", "top")
local epoch, top = at[1], at[2]
if not top or redis.call("HGET", LEASE, "generation") ~= generation then return fail("run_interrupted") end
if first ~= top + 1 then return fail("${OUT_OF_ORDER}") end
local lengths, last = {}, top
for index = 6, #ARGV do
  last = first + index - 6
  redis.call("XADD", EVENTS, string.format("%d-0", last), "e", ARGV[index])
  lengths[index - 5] = #ARGV[index]
end
redis.call("HSET", META, "top", last)
local kept = redis.call("XLEN", EVENTS)
if kept > maxEvents then
  local oldest = math.min(last - maxEvents + 1, floor)
  if oldest > last - kept + 1 then redis.call("XTRIM", EVENTS, "MINID", string.format("%d-0", oldest)) end
end
redis.call("PEXPIRE", EVENTS, ARGV[5])
if #lengths > 0 then
  local head = ARGV[2] .. " " .. epoch .. " " .. table.concat(lengths, " ")
  redis.call("SPUBLISH", LIVE, head .. "\\n" .. table.concat(ARGV, "", 6))
end
return 1`,
});

/**
 * Atomic: the fence, and that the log goes on as another life. Of the old one stays what both have; numbers above the
 * base, which were never confirmed, get the new life's events. What is published has no events: who listens has to look.
 * An attempt that was given up may still arrive: behind a later one of the same lease it is refused. So is a life that
 * goes on from numbers which the log has forgotten: it came back with an older state, and may have forgotten the question.
 * Takes generation, epoch, base, life of the events in ms, time of the attempt, events.
 */
export const ADOPT = defineScript({
  name: "adopt",
  keys: ["meta", "lease", "events", "live"],
  body: `${SERVER_LIFE}
local generation, epoch, base = ARGV[1], ARGV[2], tonumber(ARGV[3])
local top = tonumber(redis.call("HGET", META, "top"))
if not top or top < base or redis.call("HGET", LEASE, "generation") ~= generation then
  return fail("run_interrupted")
end
local adopted = redis.call("HGET", META, "adopted") or ""
local by, attempt = string.match(adopted, "^(%d+) (%d+)$")
if by == generation and tonumber(attempt) >= tonumber(ARGV[5]) then return fail("run_interrupted") end
local kept = redis.call("XRANGE", EVENTS, "-", string.format("%d-0", base))
redis.call("DEL", EVENTS)
for _, entry in ipairs(kept) do redis.call("XADD", EVENTS, entry[1], "e", entry[2][2]) end
for index = 6, #ARGV do
  redis.call("XADD", EVENTS, string.format("%d-0", base + index - 5), "e", ARGV[index])
end
redis.call("PEXPIRE", EVENTS, ARGV[4])
redis.call("HSET", META, "epoch", epoch, "top", base + #ARGV - 5, "life", serverLife(),
  "adopted", generation .. " " .. ARGV[5])
redis.call("HDEL", META, "before")
redis.call("SPUBLISH", LIVE, "0 " .. epoch .. "\\n")
return 1`,
});

/**
 * Atomic: epoch, number and events of one instant. Takes epoch, after, limit. The epoch before this one does for a
 * position that both have. Gives nil where the row cannot be proved whole, else {number of the newest event, events,
 * epoch}.
 */
export const READ = defineScript({
  name: "read",
  keys: ["meta", "events"],
  flags: "no-writes",
  body: `
local after, limit = tonumber(ARGV[2]), tonumber(ARGV[3])
local at = redis.call("HMGET", META, "epoch", "top", "before")
local top = tonumber(at[2])
local before, base = string.match(at[3] or "", "^(.*) (%d+)$")
local isKnown = at[1] == ARGV[1] or (before == ARGV[1] and after <= tonumber(base))
if not isKnown or after > top or after < top - redis.call("XLEN", EVENTS) then return false end
local events = {}
if limit > 0 and after < top then
  local first = string.format("%d-0", after + 1)
  for index, entry in ipairs(redis.call("XRANGE", EVENTS, first, "+", "COUNT", limit)) do
    events[index] = entry[2][2]
  end
end
return {top, events, at[1]}`,
});
