// Tries out what the product stands on: its data, Redis, the provider, the disk, the clock.
// Promises: costs no token, leaves nothing behind, and tells nothing secret (core/diagnosis.ts).

import { CheckFailure, type DiagnosticCheck, type Skipped } from "#app/core/diagnosis.ts";
import { readDisk } from "#app/core/process-figures.ts";
import type { RedisConnection } from "#app/core/redis.ts";
import { clockAheadMs, writeAndRead } from "#app/core/redis-probe.ts";
import { loadPersonaLibrary, PersonaLibraryError } from "#app/services/chatbot/persona-library.ts";
import { isRefusal, probeFallback, probeProvider } from "#app/services/llm/provider-probe.ts";
import type { HealthSources } from "./sources.ts";

/** Leases and days of the budget go by the clock; two instances a few seconds apart still agree on them. */
const MAX_CLOCK_SKEW_MS = 2_000;
const MIN_FREE_BYTES = 256 * 1024 * 1024;
const OFFLINE: Skipped = { skipped: "The provider is offline: personas answer from their own text." };
const NO_FALLBACK: Skipped = { skipped: "No fallback model is configured." };
const NO_REDIS: Skipped = { skipped: "No Redis is configured, or none of ours was there at the start." };

export function createDiagnostics(sources: HealthSources): readonly DiagnosticCheck[] {
  const { redis } = sources.opened;
  return [
    { name: "data", run: () => checkData(sources) },
    { name: "redis", run: async () => (redis ? await checkRedis(redis) : NO_REDIS) },
    {
      name: "provider",
      run: async (signal) => judgeProvider(await probeProvider(sources.llm, signal), OFFLINE),
    },
    {
      name: "fallback",
      run: async (signal) => judgeProvider(await probeFallback(sources.llm, signal), NO_FALLBACK),
    },
    { name: "disk", run: () => checkDisk(sources) },
    { name: "clock", run: async () => (redis ? await checkClock(redis) : NO_REDIS) },
  ];
}

/** Reads the folder as the start does, and throws the result away. */
async function checkData({ dataDir, llm }: HealthSources): Promise<string> {
  try {
    const { personas, objects, notes, problems } = await loadPersonaLibrary(dataDir, {
      allowedModels: llm.allowedModels,
    });
    const errors = problems.filter(({ severity }) => severity === "error").length;
    const counts = `${personas.size} personas, ${objects.size} objects, ${notes.length} notes`;
    if (errors > 0) throw new CheckFailure(`${errors} errors in files that would be left out; ${counts}.`);
    return `${counts}.`;
  } catch (error) {
    if (!(error instanceof PersonaLibraryError)) throw error;
    throw new CheckFailure("The main persona cannot be read: a restart would refuse to start.");
  }
}

async function checkRedis(redis: RedisConnection): Promise<string> {
  const durationMs = await writeAndRead(redis);
  return `Written and read back in ${durationMs.toFixed(1)} ms.`;
}

async function checkClock(redis: RedisConnection): Promise<string> {
  const aheadMs = Math.round(await clockAheadMs(redis));
  const finding = `This clock is ${Math.abs(aheadMs)} ms ${aheadMs < 0 ? "behind" : "ahead of"} that of Redis.`;
  if (Math.abs(aheadMs) > MAX_CLOCK_SKEW_MS) throw new CheckFailure(finding);
  return finding;
}

function judgeProvider(status: number | undefined, nobody: Skipped): string | Skipped {
  if (status === undefined) return nobody;
  if (isRefusal(status)) throw new CheckFailure(`The provider refuses the key (${status}).`);
  if (status === 429 || status >= 500) throw new CheckFailure(`The provider answers ${status}.`);
  // Many servers of one's own have no list of models. They are there, but the key was not tried.
  return status < 300 ? "It answers and takes the key." : `It answers; it has no list of models (${status}).`;
}

async function checkDisk({ dataDir }: HealthSources): Promise<string> {
  const { freeBytes, totalBytes } = await readDisk(dataDir);
  const show = (bytes: number) => `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
  const finding = `${show(freeBytes)} of ${show(totalBytes)} free.`;
  if (freeBytes < MIN_FREE_BYTES) throw new CheckFailure(finding);
  return finding;
}
