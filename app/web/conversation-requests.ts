// What a visitor may ask for outside the conversation itself: all of it as JSON, and its end.
// Each is one HTTP request with the conversation's own token; both work over HTTP alone, and neither without a network.

import type { ShownMessage } from "#app/models/server-event.ts";
import { defined } from "./defined.ts";
import { fieldsOf, parseJson, toText } from "./json-fields.ts";
import type { Problem } from "./transcript.ts";

/** What the server answers to an export; `messages` are all of them, oldest first. */
export interface ExportedConversation {
  readonly messages: readonly ShownMessage[];
  readonly [field: string]: unknown;
}

/** What was asked for did not happen; `code` is one of the protocol's table, or `offline`. */
export class RequestError extends Error {
  override readonly name = "RequestError";
  readonly problem: Problem;

  constructor(problem: Problem, options?: ErrorOptions) {
    super(problem.message, options);
    this.problem = problem;
  }
}

const TIMEOUT_MS = 20_000;

/** @throws RequestError */
export async function fetchConversation(address: string, token: string): Promise<ExportedConversation> {
  const body = await ask("GET", address, token);
  if (isExport(body)) return body;
  throw new RequestError({ code: "internal_error", message: "The server's answer holds no messages." });
}

/** Resolves when the server no longer holds it, also where it never did. @throws RequestError */
export async function eraseConversation(address: string, token: string): Promise<void> {
  try {
    await ask("DELETE", address, token);
  } catch (error) {
    if (error instanceof RequestError && error.problem.code === "conversation_not_found") return;
    throw error;
  }
}

async function ask(method: string, address: string, token: string): Promise<unknown> {
  let status = 0;
  let text = "";
  try {
    const response = await fetch(address, {
      method,
      headers: { accept: "application/json", "x-resume-token": token },
      cache: "no-store",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    status = response.status;
    text = await response.text();
  } catch (cause) {
    throw new RequestError({ code: "offline", message: "The server cannot be reached." }, { cause });
  }
  const body = parseJson(text);
  if (status < 300) return body;
  throw new RequestError(toProblem(body, status));
}

function toProblem(body: unknown, status: number): Problem {
  const { error } = fieldsOf(body);
  const { code, message, retryAfterMs } = fieldsOf(error);
  return defined({
    code: toText(code) ?? "internal_error",
    message: toText(message) ?? `The server answered with ${status}.`,
    retryAfterMs: typeof retryAfterMs === "number" ? retryAfterMs : undefined,
  });
}

function isExport(value: unknown): value is ExportedConversation {
  return Array.isArray(fieldsOf(value).messages);
}
