// Frames of the moment between instances: on the conversation's live channel, where everybody listens who does not
// produce, and for the one who does on the channel that wakes it. Kept nowhere, promised to nobody.

import type { RedisConnection } from "#app/core/redis.ts";
import { defineScript } from "#app/core/redis-script.ts";
import { keysOf, WAKE_PREFIX } from "./redis-keys.ts";
import { NOW } from "./redis-lua.ts";

/** What a whisper begins with on the live channel; what was appended begins with a number there. */
const MARK = "~";

/** Takes instance, conversation, frame. */
export const WHISPER = defineScript({
  name: "whisper",
  keys: ["lease", "live"],
  flags: "allow-oom",
  body: `${NOW}
local instance, conversation, frame = ARGV[1], ARGV[2], ARGV[3]
redis.call("SPUBLISH", LIVE, "${MARK}" .. instance .. "\\n" .. frame)
local lease = redis.call("HMGET", LEASE, "untilMs", "owner")
if lease[2] and lease[2] ~= instance and tonumber(lease[1]) > nowMs() then
  redis.call("PUBLISH", "${WAKE_PREFIX}" .. lease[2], conversation .. "\\n" .. frame)
end
return 1`,
});

type WhisperListener = (conversationId: string, frame: string) => void;

export class RedisWhispers {
  readonly #connection: RedisConnection;
  readonly #instanceId: string;
  readonly #listeners: WhisperListener[] = [];

  constructor(connection: RedisConnection, instanceId: string) {
    this.#connection = connection;
    this.#instanceId = instanceId;
  }

  /** Never rejects: who cannot be reached misses it. */
  async send(conversationId: string, frame: string): Promise<void> {
    const keys = keysOf(WHISPER, conversationId);
    await this.#connection
      .run(WHISPER, keys, [this.#instanceId, conversationId, frame])
      .catch(() => undefined);
  }

  listen(listener: WhisperListener): void {
    this.#listeners.push(listener);
  }

  /** Whether a payload of the live channel was one; one of this instance's own goes no further. */
  takeLive(conversationId: string, payload: Buffer): boolean {
    if (payload[0] !== MARK.charCodeAt(0)) return false;
    const end = payload.indexOf("\n");
    if (payload.toString("latin1", 1, end) !== this.#instanceId)
      this.#tell(conversationId, payload.toString("utf8", end + 1));
    return true;
  }

  /** Whether a payload of the wake channel was one; else it names a conversation that was changed. */
  takeWake(payload: string): boolean {
    const end = payload.indexOf("\n");
    if (end < 0) return false;
    this.#tell(payload.slice(0, end), payload.slice(end + 1));
    return true;
  }

  #tell(conversationId: string, frame: string): void {
    for (const listener of this.#listeners) listener(conversationId, frame);
  }
}
