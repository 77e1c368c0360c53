// A client of the scripted server whose WebSockets do not get through, and the event stream that it opens instead.

import type { ChatClient } from "#app/web/client.ts";
import type { ChatClientOptions } from "#app/web/client-options.ts";
import { until } from "../support/until.ts";
import type { ClientFixture } from "./client-fixture.ts";
import type { ScriptedRequest } from "./scripted-requests.ts";
import { ADA } from "./shown-personas.ts";

export const joinedValue = (conversationId: unknown, more: object = {}) => ({
  conversationId,
  epoch: "e1",
  lastSeq: 0,
  persona: ADA,
  new: false,
  storage: "memory",
  ...more,
});

/** Answers the client's stream number `index` as far as its conversation is open. */
export async function openStream(
  fixture: ClientFixture,
  index: number,
  more: object = {},
): Promise<ScriptedRequest> {
  const stream = await fixture.server.requests.receive("GET /events", index);
  const conversationId = stream.path.split("/").at(-2);
  stream.send({ type: "CUSTOM", name: "joined", value: joinedValue(conversationId, more) });
  return stream;
}

/** A client in a new conversation over an event stream. */
export async function openBlocked(
  fixture: ClientFixture,
  options: Partial<ChatClientOptions> = {},
): Promise<{ chat: ChatClient; stream: ScriptedRequest }> {
  fixture.server.blocking ??= "cut";
  const chat = fixture.connect(options);
  const join = await fixture.server.requests.command("join");
  join.say("joined", joinedValue(join.frame.conversationId, { new: true }));
  const stream = await openStream(fixture, 0);
  stream.send({ type: "MESSAGES_SNAPSHOT", messages: [], metadata: { seq: 0 } });
  stream.send({ type: "CUSTOM", name: "replayed", value: { lastSeq: 0 } });
  await until("joined", () => chat.state.joined);
  return { chat, stream };
}
