// The scripts of the one who runs a conversation: what it records, under the fence of its lease.
// A run or a turn that has left the line was recorded before: nothing happens the second time.

import { defineScript } from "#app/core/redis-script.ts";
import { TOUCH, TURNS, WHOLE } from "./redis-lua.ts";

const KEYS = ["meta", "messages", "line", "ids", "lease"] as const;

/** Atomic with every change below: that the lease is the newest. Between a check and a write another could take it. */
export const FENCE = `
if not whole() then return fail("conversation_not_found") end
if redis.call("HGET", LEASE, "generation") ~= ARGV[2] then return fail("run_interrupted") end
`;

/** What runs stands first, even where a choice of persona slipped in before it. Takes ttl, generation, run id. */
export const RUN_STARTED = defineScript({
  name: "run_started",
  keys: KEYS,
  body: `${WHOLE}${TOUCH}${TURNS}${FENCE}
local runId = ARGV[3]
for index, entry in ipairs(turns()) do
  local kind, _, id = parts(entry)
  if kind == "m" and id == runId then
    if index > 1 then
      redis.call("LREM", LINE, 1, entry)
      redis.call("LPUSH", LINE, entry)
    end
    redis.call("HSET", META, "running", runId)
    break
  end
end
touch(ARGV[1])
return 1`,
});

/**
 * Atomic: question and reply enter the history together, and the turn leaves the line in the same instant.
 * Takes ttl, generation, run id, seq, reply's id, reply or "".
 */
export const RUN_FINISHED = defineScript({
  name: "run_finished",
  keys: KEYS,
  body: `${WHOLE}${TOUCH}${TURNS}${FENCE}
local runId, seq, replyId, reply = ARGV[3], ARGV[4], ARGV[5], ARGV[6]
for _, entry in ipairs(turns()) do
  local kind, _, id, messageId, message = parts(entry)
  if kind == "m" and id == runId then
    redis.call("LREM", LINE, 1, entry)
    if redis.call("HGET", META, "running") == runId then redis.call("HDEL", META, "running") end
    redis.call("HSET", META, "seq", seq)
    -- The place in the history is kept with the id, so that a page before a message needs no search.
    local place = redis.call("RPUSH", MESSAGES, message) - 1
    redis.call("HSET", IDS, messageId, place .. string.match(redis.call("HGET", IDS, messageId), ":.*$"))
    if reply ~= "" then
      redis.call("RPUSH", MESSAGES, reply)
      redis.call("HSET", IDS, replyId, place + 1 .. ":")
    end
    break
  end
end
touch(ARGV[1])
return 1`,
});

/** Takes ttl, generation, turn id, persona, seq. A choice that was replaced by a newer one changes nothing. */
export const PERSONA_CHANGED = defineScript({
  name: "persona_changed",
  keys: KEYS,
  body: `${WHOLE}${TOUCH}${TURNS}${FENCE}
local turnId, persona, seq = ARGV[3], ARGV[4], ARGV[5]
for _, entry in ipairs(turns()) do
  local kind, _, id = parts(entry)
  if kind == "p" and id == turnId then
    redis.call("LREM", LINE, 1, entry)
    redis.call("HSET", META, "persona", persona, "seq", seq)
    break
  end
end
touch(ARGV[1])
return 1`,
});

/**
 * Atomic: the interrupted run leaves the line and its successor stands in its place, and under the message's id.
 * Takes ttl, generation, run id, seq, successor's run id, its turn.
 */
export const RUN_REPLACED = defineScript({
  name: "run_replaced",
  keys: KEYS,
  body: `${WHOLE}${TOUCH}${TURNS}${FENCE}
local runId, seq, successor, turn = ARGV[3], ARGV[4], ARGV[5], ARGV[6]
for index, entry in ipairs(turns()) do
  local kind, _, id, messageId = parts(entry)
  if kind == "m" and id == runId then
    redis.call("LSET", LINE, index - 1, turn)
    -- The digest of the text, which tells two texts under one id apart, stands before the run's id.
    local of = redis.call("HGET", IDS, messageId)
    -- Unless the message was revised meanwhile: then that run is its newest.
    if string.sub(of, -#runId) == runId then
      redis.call("HSET", IDS, messageId, string.sub(of, 1, #of - #runId) .. successor)
    end
    if redis.call("HGET", META, "running") == runId then redis.call("HDEL", META, "running") end
    redis.call("HSET", META, "seq", seq)
    break
  end
end
touch(ARGV[1])
return 1`,
});
