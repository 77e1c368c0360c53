// What a Lua script for Redis is here: a name, the keys it takes, and a body that may touch nothing but these.
// Promises: the keys have names in the body, the flags are Redis 7's own, so that a node of a cluster refuses a script
// whose keys lie in two slots. Does not run anything.

import { createHash } from "node:crypto";
import { SCRIPT_ERROR_PREFIX } from "./redis-errors.ts";

export interface RedisScript<Key extends string = string> {
  /** For the log. */
  readonly name: string;
  /** Roles of the keys, in the order in which they are handed over. */
  readonly keys: readonly Key[];
  readonly source: string;
  /** SHA-1 of the source, hex: what Redis knows a loaded script by. */
  readonly sha: string;
  /** Later calls of it follow from earlier ones: a failed one is not repeated, since a later one may be on its way. */
  readonly ordered: boolean;
  /** Does no harm when it is carried out twice: made again also where nobody knows whether it was. */
  readonly repeatable: boolean;
}

export interface ScriptDefinition<Key extends string> {
  readonly name: string;
  readonly keys: readonly Key[];
  /** `no-writes`: also runs on a replica and with full memory. `allow-oom`: writes with full memory. */
  readonly flags?: "no-writes" | "allow-oom";
  readonly ordered?: boolean;
  /** What writes nothing is it anyway. */
  readonly repeatable?: boolean;
  /** Lua. The keys stand in locals of their upper-case names; `fail(code)` makes an error that is no fault of Redis. */
  readonly body: string;
}

export function defineScript<const Key extends string>(definition: ScriptDefinition<Key>): RedisScript<Key> {
  const { name, keys, flags, ordered = false, body } = definition;
  const { repeatable = flags === "no-writes" } = definition;
  const names = keys.map((key) => key.toUpperCase()).join(", ");
  const values = keys.map((_, index) => `KEYS[${index + 1}]`).join(", ");
  const source = [
    flags ? `#!lua flags=${flags}` : "#!lua",
    `local ${names} = ${values}`,
    `local function fail(code) return redis.error_reply("${SCRIPT_ERROR_PREFIX} " .. code) end`,
    body.trim(),
  ].join("\n");
  const sha = createHash("sha1").update(source).digest("hex");
  return { name, keys, source, sha, ordered, repeatable };
}
