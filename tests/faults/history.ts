// The finished history of a conversation, as a client reads it that comes when all is over: it asks again where it is
// told that this helps.

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { Talk } from "../support/conversation.ts";
import type { SocketClient } from "../support/socket-client.ts";

const refusalSchema = z.object({ code: z.string(), retryAfterMs: z.number().optional() });
const ATTEMPTS = 5;
/** Where it is not told when: what is said without Redis is brought home in about that time. */
const RETRY_MS = 1_000;

/** What was said, in order; undefined where the conversation is not there any more. On a connection of its own. */
export async function readHistory(
  connect: () => Promise<SocketClient>,
  key: object,
): Promise<readonly string[] | undefined> {
  for (let attempt = 1; ; attempt += 1) {
    const talk = new Talk(await connect());
    try {
      talk.client.send({ type: "join", ...key });
      const answer = await talk.client.next(({ name }) => name === "joined" || name === "error", 10_000);
      if (answer.name === "joined")
        return (await talk.history({ limit: 100 })).messages.map(({ content }) => content);
      const { code, retryAfterMs } = refusalSchema.parse(answer.value);
      if (code === "conversation_not_found") return undefined;
      assert.ok(code === "storage_unavailable" && attempt < ATTEMPTS, code);
      await pause(retryAfterMs ?? RETRY_MS);
    } finally {
      talk.client.terminate();
    }
  }
}
