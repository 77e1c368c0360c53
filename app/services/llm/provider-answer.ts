// Reads a provider's refusal: an HTTP status with a body, or an error inside a stream that began with 200.
// Promises: an AppError whose facts say whether to try again; the body is looked at and then forgotten.

import type { IncomingHttpHeaders } from "node:http";
import type { AppError } from "#app/core/errors.ts";
import { modelError } from "./provider-fault.ts";

/** Statuses of a provider that is busy or broken, beside all of 500 and above (529: overloaded). */
const TRANSIENT_STATUSES: ReadonlySet<number> = new Set([408, 409, 429]);
const PLAIN_WORD = /^[\w.:-]{1,64}$/;
/** OpenAI, Azure, vLLM, llama-server, Ollama and others: there is no common code. */
const TOO_LONG =
  /context_length_exceeded|exceed_context_size|context (?:length|window|size)|maximum (?:context|model|prompt|input) length|prompt is too long|too many tokens|input tokens exceed/i;
const FILTERED = /content_filter|ResponsibleAIPolicyViolation|content management policy/i;
/** A 429 that no waiting cures: the account is empty. */
const OUT_OF_CREDIT = /insufficient_quota|billing_hard_limit/i;

/** A response that is no stream: any status but 200, with as much of its body as was read. */
export function refusalOf(status: number, headers: IncomingHttpHeaders, body: string): AppError {
  const facts = {
    status,
    providerRequestId: plainWord(headers["x-request-id"] ?? headers["apim-request-id"]),
    retryAfterMs: retryAfterMsOf(headers),
  };
  return classify(`the provider answered with status ${status}`, status, errorOf(parse(body)) ?? body, facts);
}

/** `data: {"error": …}` inside a stream. Some gateways put the status of their upstream into `code`. */
export function streamErrorOf(error: unknown): AppError {
  const code = fieldOf(error, "code");
  const status = typeof code === "number" && code >= 400 && code < 600 ? code : 500;
  return classify("the provider broke off with an error inside the stream", status, error, { status });
}

function classify(
  message: string,
  status: number,
  error: unknown,
  facts: { status: number; providerRequestId?: string | undefined; retryAfterMs?: number | undefined },
): AppError {
  const providerCode = plainWord(fieldOf(error, "code")) ?? plainWord(fieldOf(error, "type"));
  const known = { ...facts, providerCode };
  const text = typeof error === "string" ? error : JSON.stringify(error);
  const asked = { transient: false, counts: false, ...known };
  const isRefusal = status < 500 && !TRANSIENT_STATUSES.has(status);
  // An error inside a stream has no status of its own: there the words alone decide.
  if ((isRefusal || status === 500) && FILTERED.test(text)) return modelError("llm_rejected", message, asked);
  if ((isRefusal || status === 500) && TOO_LONG.test(text))
    return modelError("llm_context_too_long", message, asked);
  if (isRefusal) return modelError("llm_unavailable", message, asked);
  const transient = !OUT_OF_CREDIT.test(text);
  return modelError("llm_unavailable", message, { ...known, transient, counts: true });
}

/**
 * Milliseconds that the provider wants to be left alone: `retry-after-ms` (Azure), else `Retry-After` in seconds or as
 * a date (RFC 9110, 10.2.3). Undefined when there is none, or when it cannot be read.
 */
export function retryAfterMsOf(headers: IncomingHttpHeaders, nowMs = Date.now()): number | undefined {
  const precise = headers["retry-after-ms"];
  if (typeof precise === "string" && /^\d{1,9}$/.test(precise)) return Number(precise);
  const value = headers["retry-after"]?.trim();
  if (value === undefined || value === "") return undefined;
  if (/^\d{1,9}(?:\.\d+)?$/.test(value)) return Math.ceil(Number(value) * 1000);
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs);
}

function errorOf(body: unknown): unknown {
  return fieldOf(body, "error") ?? (typeof body === "object" ? body : undefined);
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

function plainWord(value: unknown): string | undefined {
  return typeof value === "string" && PLAIN_WORD.test(value) ? value : undefined;
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    // A proxy's HTML page, or a body that was cut: the status says enough.
    return undefined;
  }
}
