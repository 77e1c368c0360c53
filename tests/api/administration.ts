// What tests of the operator's routes share: an app with a token, a question with and without it, a scan for secrets.

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { AppOverrides } from "#app/app.ts";
import { type RunningApp, startApp } from "../support/running-app.ts";
import { createScriptedModel } from "../support/scripted-model.ts";
import { createSmallRegistry } from "../support/small-registry.ts";

export const ADMIN_TOKEN = "break-glass-key-4711";

/** The small personas and a scripted model, where the test brings none of its own. */
export function startWithAdmin(
  t: TestContext,
  overrides: AppOverrides = {},
  env: Record<string, string> = {},
): Promise<RunningApp> {
  const own = { model: createScriptedModel(), registry: createSmallRegistry() };
  return startApp(t, { ...own, ...overrides }, { ADMIN_TOKEN, ...env });
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The parsed JSON, an object. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** `authorization` as it is sent; the right token by default, none where it is null. */
export async function ask(
  app: RunningApp,
  path: string,
  { method = "GET", authorization = `Bearer ${ADMIN_TOKEN}`, headers = {} }: AskOptions = {},
): Promise<Answer> {
  const response = await fetch(`${app.url}/api/v1${path}`, {
    method,
    headers: { ...headers, ...(authorization !== null && { authorization }) },
  });
  const text = await response.text();
  const body: Record<string, unknown> = text === "" ? {} : Object(JSON.parse(text));
  return { status: response.status, headers: response.headers, text, body };
}

export interface AskOptions {
  readonly method?: string;
  readonly authorization?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
}

export function errorCodeOf({ body }: Answer): unknown {
  return Object(body.error).code;
}

/** Neither the token nor any of these stands anywhere in the answer. */
export function assertHoldsNone({ text, headers }: Answer, secrets: readonly string[]): void {
  const everything = `${text}\n${JSON.stringify([...headers])}`;
  for (const secret of [ADMIN_TOKEN, ...secrets]) {
    assert.equal(everything.includes(secret), false, `"${secret}" stands in ${everything.slice(0, 400)}`);
  }
}
