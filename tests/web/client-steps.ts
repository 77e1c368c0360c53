// What the tests of the client do again and again: a storage, an open conversation, an exchange in it.

import type { ChatClient } from "#app/web/client.ts";
import type { ChatClientOptions } from "#app/web/client-options.ts";
import type { TextStorage } from "#app/web/session-record.ts";
import { until } from "../support/until.ts";
import type { ClientFixture } from "./client-fixture.ts";
import type { ScriptedConnection } from "./scripted-server.ts";
import { begin, delta, end, finished, started } from "./server-events.ts";

/** A storage that starts with what another one holds, as a browser copies it for a duplicated tab. */
export function createStorage(values = new Map<string, string>()): TextStorage & { copy(): TextStorage } {
  return {
    getItem: (key) => values.get(key) ?? null,
    setItem: (key, value) => void values.set(key, value),
    copy: () => createStorage(new Map(values)),
  };
}

/** A client in a new conversation on the server's connection `index`. */
export async function open(
  fixture: ClientFixture,
  options: Partial<ChatClientOptions> = {},
  index = 0,
): Promise<{ chat: ChatClient; connection: ScriptedConnection }> {
  const chat = fixture.connect(options);
  const connection = await fixture.server.connection(index);
  await connection.join();
  await until("joined", () => chat.state.joined);
  return { chat, connection };
}

/** A question `m1` and its answer `a1`, finished by event `seq` + 4. */
export async function exchange(chat: ChatClient, connection: ScriptedConnection, seq = 1): Promise<void> {
  connection.events(
    seq,
    started("r1", "m1", "one"),
    begin("a1"),
    delta("a1", "to one"),
    end("a1"),
    finished("r1"),
  );
  await until("the exchange", () => chat.state.seq === seq + 4);
}

/** The client's next connection, on which the events after the first `seq` ones are still to come. */
export async function comeBack(fixture: ClientFixture, index: number): Promise<ScriptedConnection> {
  const connection = await fixture.server.connection(index);
  await connection.join({ new: false, recovered: true });
  return connection;
}

/** There and back: the client has heard all that was said, and all that it had to say to it has arrived. */
export async function settled(chat: ChatClient, connection: ScriptedConnection): Promise<void> {
  const marker = `marker ${connection.frames.length}`;
  connection.say("error", { code: "internal_error", message: marker });
  await until(marker, () => chat.state.problem?.message === marker);
  const stops = connection.of("stop").length;
  chat.stop();
  await connection.receive("stop", stops);
}
