// A client of a conversation over plain HTTP: reads its event stream with fetch, and sends commands.
// Keeps every frame with its id, and the comments. Reads the format by itself: not with the code under test.

import type { TestContext } from "node:test";
import { parseFrame } from "./recorded-frames.ts";
import type { Frame } from "./socket-client.ts";
import { until } from "./until.ts";
import { assertWireInvariants } from "./wire-invariants.ts";

export interface Pair {
  readonly conversationId: string;
  readonly resumeToken: string;
}

export interface Streamed {
  /** Every frame that has come, in order. */
  readonly frames: Frame[];
  /** The `id:` of each frame, or undefined. */
  readonly ids: (string | undefined)[];
  readonly comments: string[];
  readonly headers: Headers;
  readonly isOver: boolean;
  /** Waits for a frame by its name or type, from the beginning on. */
  named(name: string, count?: number): Promise<Frame>;
  /** Leaves, as a closed tab does. */
  leave(): void;
}

/** A request about a conversation; `part` such as `/events`. */
export function ask(
  app: { readonly url: string },
  pair: Pair,
  part: string,
  init: RequestInit = {},
): Promise<Response> {
  return fetch(`${app.url}/api/v1/conversations/${pair.conversationId}${part}`, {
    ...init,
    headers: { "x-resume-token": pair.resumeToken, ...Object(init.headers) },
  });
}

export function command(
  app: { readonly url: string },
  pair: Pair,
  frame: object | string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const body = typeof frame === "string" ? frame : JSON.stringify(frame);
  const init = { method: "POST", body, headers: { "content-type": "application/json", ...headers } };
  return ask(app, pair, "/commands", init);
}

/** Makes the conversation; its `joined`. */
export async function makeConversation(app: { readonly url: string }, pair: Pair) {
  const response = await command(app, pair, { type: "join", create: true, ...pair });
  if (response.status !== 200) throw new Error(`not made: ${response.status} ${await response.text()}`);
  return Object(await response.json()).value;
}

/** The code and status of a refusal. */
export async function refusal(response: Response): Promise<[status: number, code: unknown]> {
  const { error } = Object(await response.json());
  return [response.status, Object(error).code];
}

/** Opens the stream; left when the test ends, its frames held against the wire's invariants. */
export async function openStream(
  t: TestContext,
  app: { readonly url: string },
  pair: Pair,
  headers: Readonly<Record<string, string>> = {},
): Promise<Streamed> {
  const leaving = new AbortController();
  const response = await ask(app, pair, "/events", { headers, signal: leaving.signal });
  if (response.status !== 200 || !response.body)
    throw new Error(`no stream: ${response.status} ${await response.text()}`);
  const frames: Frame[] = [];
  const ids: (string | undefined)[] = [];
  const comments: string[] = [];
  let isOver = false;
  const readAll = async (body: AsyncIterable<Uint8Array>): Promise<void> => {
    let rest = "";
    const decoder = new TextDecoder();
    for await (const chunk of body) {
      const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n\n");
      rest = parts.pop() ?? "";
      for (const part of parts) take(part);
    }
  };
  const take = (part: string): void => {
    const lines = part.split("\n");
    const data = lines.filter((line) => line.startsWith("data: ")).map((line) => line.slice(6));
    if (data.length === 0) return void comments.push(part);
    ids.push(lines.find((line) => line.startsWith("id: "))?.slice(4));
    frames.push(parseFrame(data.join("\n")));
  };
  void readAll(response.body)
    .catch(() => undefined)
    .finally(() => {
      isOver = true;
    });
  const leave = (): void => leaving.abort();
  t.after(() => {
    leave();
    assertWireInvariants(frames);
  });
  const matching = (name: string) => frames.filter((frame) => frame.type === name || frame.name === name);
  return {
    frames,
    ids,
    comments,
    headers: response.headers,
    get isOver() {
      return isOver;
    },
    async named(name, count = 1) {
      await until(`${count} of ${name}`, () => matching(name).length >= count || isOver, 15_000);
      const found = matching(name)[count - 1];
      if (!found) throw new Error(`the stream ended without ${name}: ${JSON.stringify(frames.slice(-5))}`);
      return found;
    },
    leave,
  };
}
