// Who comes while Redis is away: to a new conversation, and to one that exists. Tells what became of them, and how soon.

import { setTimeout } from "node:timers/promises";
import { ownPair, Talk } from "../support/conversation.ts";
import { openSocket } from "../support/socket-client.ts";
import type { Instance } from "./instance.ts";
import type { ConversationKey } from "./listener.ts";
import { type Order, questionOf } from "./wordy-provider.ts";

export interface Answer {
  /** The name of the frame that answered; the code, where that was `error`; `silence`, where nothing came. */
  readonly what: unknown;
  readonly afterMs: number;
}

export interface Newcomer {
  readonly toExisting: Answer;
  readonly toNew: Answer;
  /** Where the new conversation was said to be kept. */
  readonly storage: unknown;
  /** What the new conversation answered. */
  readonly reply: string | undefined;
}

const PATIENCE_MS = 5_000;

/** Never rejects because of what the server does: that is what is asked about. */
export async function comeWhileAway(
  instance: Instance,
  existing: ConversationKey,
  order: Order,
): Promise<Newcomer> {
  const open = async (): Promise<Talk> => new Talk(await openSocket(instance.socketUrl));
  const [old, fresh] = [await open(), await open()];
  try {
    const toExisting = await join(old, existing);
    const toNew = await join(fresh, { ...ownPair(), create: true });
    const joined = fresh.client.frames.find(({ name }) => name === "joined");
    const asking = joined ? fresh.ask(questionOf(order)).catch(() => undefined) : undefined;
    const run = await Promise.race([asking, setTimeout(PATIENCE_MS)]);
    return { toExisting, toNew, storage: Object(joined?.value).storage, reply: run?.text };
  } finally {
    for (const talk of [old, fresh]) talk.client.terminate();
  }
}

async function join({ client }: Talk, frame: object): Promise<Answer> {
  const askedAt = performance.now();
  client.send({ type: "join", ...frame });
  const answered = client.next(({ name }) => name === "joined" || name === "error", PATIENCE_MS);
  const answer = await answered.catch(() => undefined);
  const what = answer ? (Object(answer.value).code ?? answer.name) : "silence";
  return { what, afterMs: Math.round(performance.now() - askedAt) };
}
