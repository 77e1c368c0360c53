// Asks the provider for something that costs nothing, its list of models: is it there, does it take the key?
// Promises: no token is ever bought; the connection it was asked over is kept, and so the first visitor's reply does not
// wait for one. Nothing of the answer but its status is looked at.

import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { toAppError } from "#app/core/errors.ts";
import type { LlmConfig } from "#app/core/llm-config.ts";
import type { Logger } from "#app/core/logging.ts";
import { resilient } from "#app/core/resilience.ts";
import { deepSeekEndpoint } from "./deepseek.ts";
import type { ModelEndpoint } from "./endpoint.ts";
import { openAiEndpoint } from "./openai.ts";
import { keptConnections } from "./provider-connections.ts";

/** A longer answer is cut, and its connection with it. */
const MAX_ANSWER_BYTES = 1024 * 1024;
const WARM_UP_MS = 10_000;

/** The HTTP status of the answer; undefined for the offline provider, which is nowhere. Rejects without an answer. */
export async function probeProvider(config: LlmConfig, signal: AbortSignal): Promise<number | undefined> {
  if (config.provider === "offline") return undefined;
  const endpoint = config.provider === "deepseek" ? deepSeekEndpoint(config) : openAiEndpoint(config);
  return await ask(listAddress(endpoint), endpoint.headers, signal);
}

/** The same of the fallback model; undefined where there is none. */
export async function probeFallback(
  { fallback }: LlmConfig,
  signal: AbortSignal,
): Promise<number | undefined> {
  if (fallback === undefined) return undefined;
  const endpoint = openAiEndpoint({ ...fallback, allowedModels: [] });
  return await ask(listAddress(endpoint), endpoint.headers, signal);
}

/** Opens the first connection before a visitor needs it. Never rejects: a provider that is away is met again later. */
export async function warmProvider(config: LlmConfig, logger: Logger, signal: AbortSignal): Promise<void> {
  const { provider } = config;
  const startedAt = performance.now();
  try {
    const policies = { timeoutMs: WARM_UP_MS, signal };
    const status = await resilient((attempt) => probeProvider(config, attempt.signal), policies);
    if (status === undefined) return;
    const fields = { provider, status, durationMs: Math.round(performance.now() - startedAt) };
    logger[isRefusal(status) ? "warn" : "info"](fields, "llm_connection_warmed");
  } catch (error) {
    if (signal.aborted) return;
    // Not the error itself: its address is the operator's own affair.
    const { cause } = toAppError(error);
    const reason = cause instanceof Error && "code" in cause ? cause.code : "no answer";
    logger.warn({ provider, reason }, "llm_connection_failed");
  }
}

/** Whether a status says that the key is not taken. */
export function isRefusal(status: number): boolean {
  return status === 401 || status === 403;
}

/** Azure's own form has no list of models; what it tells of its one model is free as well. */
function listAddress({ url }: ModelEndpoint): URL {
  const address = new URL(url);
  const base = address.pathname.replace(/\/chat\/completions$/, "");
  address.pathname = base.endsWith("/models") ? `${base.slice(0, -"/models".length)}/info` : `${base}/models`;
  return address;
}

function ask(url: URL, headers: ModelEndpoint["headers"], signal: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    const send = url.protocol === "https:" ? httpsRequest : httpRequest;
    const request = send(url, {
      method: "GET",
      agent: keptConnections(url),
      headers: { ...headers },
      signal,
    });
    request.on("error", reject);
    request.once("response", (response) => {
      // No list, but a stream that may never end.
      if (response.headers["content-type"]?.startsWith("text/event-stream")) request.destroy();
      let bytes = 0;
      response.on("data", (part: Buffer) => {
        bytes += part.length;
        if (bytes > MAX_ANSWER_BYTES) request.destroy();
      });
      // Its status has been heard by then: that the rest is cut, or breaks off, changes nothing.
      response.on("error", () => undefined);
      response.once("close", () => resolve(response.statusCode ?? 0));
    });
    request.end();
  });
}
