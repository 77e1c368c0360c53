// The scripts of visitors: make a conversation, hand a turn in, stop, read a page.

import { defineScript } from "#app/core/redis-script.ts";
import { DESCRIBE, NOW, TOUCH, TURNS, WAKE, WHOLE } from "./redis-lua.ts";

/**
 * Atomic: that the id is free and that it is taken. Two who make it at once get one conversation.
 * Takes ttl, token hash, fixed part, persona. Gives {1 where it was made, the conversation}.
 */
export const CREATE = defineScript({
  name: "create",
  keys: ["meta", "messages", "line", "ids", "lease", "events"],
  body: `${WHOLE}${TOUCH}${DESCRIBE}
local ttl, token, fixed, persona = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local known = redis.call("HGET", META, "token")
if known and known ~= token then return fail("conversation_not_found") end
if known and whole() then return {0, describe()} end
-- A part was evicted: what is left goes too, the log with its numbers, so that no reader takes the old for the new.
if known then redis.call("DEL", META, EVENTS) end
redis.call("DEL", MESSAGES, LINE, IDS)
redis.call("HSET", META, "token", token, "fixed", fixed, "persona", persona, "seq", "0")
touch(ttl)
return {1, describe()}`,
});

/**
 * Atomic: that the id is new, that there is room, and that the turn stands in line: else two copies of one message
 * would both find their id unknown, and six messages the last free place.
 * Takes ttl, instance, conversation, message id, digest of the text, run id, turn, most unanswered.
 * Gives {run id, state, position, 1 where known}.
 */
export const ACCEPT_MESSAGE = defineScript({
  name: "accept",
  keys: ["meta", "messages", "line", "ids", "lease"],
  body: `${WHOLE}${TOUCH}${TURNS}${NOW}${WAKE}
local ttl, instance, conversation, messageId, digest, runId, turn = unpack(ARGV, 1, 7)
if not whole() then return fail("conversation_not_found") end
local line = turns()

local known = redis.call("HGET", IDS, messageId)
if known then
  local of = string.match(known, "^%d*:(.*)$")
  if string.sub(of, 1, #digest) ~= digest then return fail("id_conflict") end
  local firstRun = string.sub(of, #digest + 1)
  for index, entry in ipairs(line) do
    local kind, _, id = parts(entry)
    if kind ~= "p" and id == firstRun then
      local running = redis.call("HGET", META, "running") == firstRun
      return {firstRun, running and "running" or "waiting", index - 1, 1}
    end
  end
  return {firstRun, "finished", 0, 1}
end

local unanswered = 0
for _, entry in ipairs(line) do
  if string.sub(entry, 1, 1) ~= "p" then unanswered = unanswered + 1 end
end
if unanswered >= tonumber(ARGV[8]) then return fail("queue_full") end
redis.call("RPUSH", LINE, turn)
redis.call("HSET", IDS, messageId, ":" .. digest .. runId)
touch(ttl)
wake(instance, conversation)
return {runId, "waiting", #line, 0}`,
});

/**
 * Atomic: that an older choice leaves the line and this one enters it, before the messages that wait.
 * Takes ttl, instance, conversation, turn. Gives the position.
 */
export const ACCEPT_PERSONA = defineScript({
  name: "accept_persona",
  keys: ["meta", "messages", "line", "ids", "lease"],
  body: `${WHOLE}${TOUCH}${TURNS}${NOW}${WAKE}
local ttl, instance, conversation, turn = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if not whole() then return fail("conversation_not_found") end
local line = {}
for _, entry in ipairs(turns()) do
  if string.sub(entry, 1, 1) ~= "p" then table.insert(line, entry) end
end
local position = redis.call("HEXISTS", META, "running")
table.insert(line, math.min(position, #line) + 1, turn)
redis.call("DEL", LINE)
redis.call("RPUSH", LINE, unpack(line))
touch(ttl)
wake(instance, conversation)
return position`,
});

/**
 * Atomic: that a run still waits or runs and that it is marked. Of several who stop at once, one finds it.
 * Takes instance, conversation, run id or "", scope. Gives {the running one or nil, those that waited}.
 */
export const CANCEL = defineScript({
  name: "cancel",
  keys: ["meta", "messages", "line", "ids", "lease"],
  flags: "allow-oom",
  body: `${WHOLE}${TURNS}${NOW}${WAKE}
local instance, conversation, wanted, scope = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if not whole() then return fail("conversation_not_found") end
local running = redis.call("HGET", META, "running")
local stopped, waiting = false, {}
for index, entry in ipairs(turns()) do
  local kind, cancelled, id = parts(entry)
  local meant = id == wanted
  if wanted == "" then meant = scope == "all" or id == running end
  if meant and kind ~= "p" and cancelled == "0" then
    redis.call("LSET", LINE, index - 1, kind .. "1" .. string.sub(entry, 3))
    if id == running then stopped = id else table.insert(waiting, id) end
  end
end
if stopped or #waiting > 0 then wake(instance, conversation) end
return {stopped, waiting}`,
});

/**
 * Atomic: one instant of line, position and history. Else a reply could be in neither or in both.
 * Takes limit, 1 if there is a message to end before, its id.
 * Gives {the conversation, number of older messages, the messages, epoch or nil}.
 */
export const PAGE = defineScript({
  name: "page",
  keys: ["meta", "messages", "line", "ids"],
  flags: "no-writes",
  body: `${WHOLE}${DESCRIBE}
local limit = tonumber(ARGV[1])
if not whole() then return fail("conversation_not_found") end
local stop = redis.call("LLEN", MESSAGES)
if ARGV[2] == "1" then
  local known = redis.call("HGET", IDS, ARGV[3])
  stop = known and tonumber(string.match(known, "^(%d*):"))
  if not stop then return fail("message_not_found") end
end
local start = math.max(0, stop - limit)
local messages = {}
if start < stop then messages = redis.call("LRANGE", MESSAGES, start, stop - 1) end
return {describe(), start, messages, redis.call("HGET", META, "epoch")}`,
});
