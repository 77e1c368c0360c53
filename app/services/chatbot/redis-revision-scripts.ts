// The scripts of what changes a message that stands there already: asked again, edited, judged.

import { defineScript } from "#app/core/redis-script.ts";
import { NOW, TOUCH, TURNS, WAKE, WHOLE } from "./redis-lua.ts";
import { FENCE } from "./redis-record-scripts.ts";

const KEYS = ["meta", "messages", "line", "ids", "lease"] as const;

/** Under which name the digest of a message's newest edit stands among the ids; no id begins like it. */
const EDITED = "~";
/** Under which name the run of an edit stands there, by its mark. */
const MARKED = "=";

/**
 * Atomic: that the message is there, that what is revised ends, and that the revision stands behind it in the line.
 * Takes ttl, instance, conversation, message id, digest of the text or "", run id, turn, most unanswered, mark of the
 * edit or "".
 * Gives {run id, state, position, 1 where the same revision is known}.
 */
export const ACCEPT_REVISION = defineScript({
  name: "accept_revision",
  keys: KEYS,
  body: `${WHOLE}${TOUCH}${TURNS}${NOW}${WAKE}
local ttl, instance, conversation, messageId, digest, runId, turn = unpack(ARGV, 1, 7)
if not whole() then return fail("conversation_not_found") end
local line = turns()
local running = redis.call("HGET", META, "running")

local known = redis.call("HGET", IDS, messageId)
local place, first, newestRun = string.match(known or "", "^(%d*):(......................)(.+)$")
local mark = ARGV[9] ~= "" and "${MARKED}" .. ARGV[9]
local marked = mark and redis.call("HGET", IDS, mark)
local same = digest ~= "" and digest == (redis.call("HGET", IDS, "${EDITED}" .. messageId) or first)
-- Of the newest edit it is the newest run: the mark's own may have been taken over.
if marked and not same then newestRun = marked end
local standsAt, standing, unanswered, newestAt = 0, "", 0, 0
for index, entry in ipairs(line) do
  local kind, cancelled, id, of = parts(entry)
  if kind ~= "p" then unanswered = unanswered + 1 end
  if kind ~= "p" and of == messageId then standsAt, standing = index, kind .. cancelled end
  if kind ~= "p" and id == newestRun then newestAt = index end
end
if not marked and (not newestRun or (place == "" and standsAt == 0)) then return fail("message_not_found") end

if digest == "" then same = standing == "r0" end
if same or marked then
  if mark and not marked then redis.call("HSET", IDS, mark, newestRun) touch(ttl) end
  if newestAt == 0 then return {newestRun, "finished", 0, 1} end
  return {newestRun, running == newestRun and "running" or "waiting", newestAt - 1, 1}
end
if unanswered >= tonumber(ARGV[8]) then return fail("queue_full") end

local before = running and 1 or 0
for index, entry in ipairs(line) do
  if index == standsAt or (index <= before and standsAt <= before) then
    if string.sub(entry, 1, 1) ~= "p" then line[index] = string.sub(entry, 1, 1) .. "1" .. string.sub(entry, 3) end
  end
end
-- Who was chosen before it answers it.
local ahead = string.sub(line[before + 1] or "", 1, 1) == "p" and before + 1 or before
local position = math.max(ahead, standsAt)
table.insert(line, position + 1, turn)
redis.call("DEL", LINE)
redis.call("RPUSH", LINE, unpack(line))
redis.call("HSET", IDS, messageId, place .. ":" .. first .. runId)
if digest ~= "" then redis.call("HSET", IDS, "${EDITED}" .. messageId, digest) end
if mark then redis.call("HSET", IDS, mark, runId) end
touch(ttl)
wake(instance, conversation)
return {runId, "waiting", position, 0}`,
});

/**
 * Atomic: what stood behind the message leaves the history, the message too, and it stands in line to be answered.
 * A stop that came meanwhile holds. The ids of messages stay known: sent again, they are no new ones.
 * Takes ttl, generation, run id, seq, turn, message id, ids of what leaves.
 */
export const REVISED = defineScript({
  name: "revised",
  keys: KEYS,
  body: `${WHOLE}${TOUCH}${TURNS}${FENCE}
local runId, seq, turn, messageId = ARGV[3], ARGV[4], ARGV[5], ARGV[6]
for index, entry in ipairs(turns()) do
  local kind, cancelled, id = parts(entry)
  if kind == "r" and id == runId then
    redis.call("LSET", LINE, index - 1, "m" .. cancelled .. string.sub(turn, 3))
    local of = redis.call("HGET", IDS, messageId)
    local place = tonumber(string.match(of, "^(%d*):"))
    if place == 0 then redis.call("DEL", MESSAGES) end
    if place and place > 0 then redis.call("LTRIM", MESSAGES, 0, place - 1) end
    for argument = 6, #ARGV do
      local known = redis.call("HGET", IDS, ARGV[argument])
      local rest = known and string.match(known, ":.*$")
      if rest == ":" then redis.call("HDEL", IDS, ARGV[argument]) end
      if rest and rest ~= ":" then redis.call("HSET", IDS, ARGV[argument], rest) end
    end
    redis.call("HSET", META, "seq", seq)
    break
  end
end
touch(ARGV[1])
return 1`,
});

/**
 * Atomic: that the message is still there and what is thought of it; that stands in a line behind its JSON.
 * Takes ttl, message id, feedback.
 */
export const AMEND = defineScript({
  name: "amend",
  keys: KEYS,
  body: `${WHOLE}${TOUCH}
local ttl, messageId, feedback = ARGV[1], ARGV[2], ARGV[3]
if not whole() then return fail("conversation_not_found") end
local place = tonumber(string.match(redis.call("HGET", IDS, messageId) or "", "^(%d*):"))
if not place then return fail("message_not_found") end
local message = string.match(redis.call("LINDEX", MESSAGES, place), "^[^\\n]*")
redis.call("LSET", MESSAGES, place, message .. "\\n" .. feedback)
touch(ttl)
return 1`,
});
