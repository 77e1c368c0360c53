// A tenure on a real Redis that can be made to go away, with one reader here and another instance beside it.

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { AppError } from "#app/core/errors.ts";
import { ConversationChannel } from "#app/services/chatbot/conversation-channel.ts";
import { RemoteFeed } from "#app/services/chatbot/remote-feed.ts";
import { type HomeLog, ShelteredEventLog } from "#app/services/chatbot/sheltered-log.ts";
import { beginTenure } from "#app/services/chatbot/tenure.ts";
import { messageTurn, newConversation } from "../../contracts/conversation-samples.ts";
import { parseFrame } from "../../support/recorded-frames.ts";
import { createRecordingLogger } from "../../support/recording-logger.ts";
import { startInstances } from "../../support/redis-harness.ts";
import { watchStorage } from "../../support/watched-storage.ts";
import { delta } from "./away-writer.ts";

export const away = () => Promise.reject(new AppError("storage_unavailable"));

/** A conversation with a message in line, a tenure of it, and a reader here; `adopt` can be stood in for. */
export async function startTenure(test: TestContext) {
  const both = await startInstances();
  const { here, there, server } = both;
  const adoption: { instead: HomeLog["adopt"] | undefined } = { instead: undefined };
  const home = here.shelter;
  const shelter = new ShelteredEventLog({
    open: (id) => home.open(id),
    append: (lease, batch) => home.append(lease, batch),
    read: (id, from) => home.read(id, from),
    subscribe: (id, onEvents) => home.subscribe(id, onEvents),
    adopt: (...args) => (adoption.instead ?? home.adopt.bind(home))(...args),
  });
  const storage = watchStorage({ ...here, log: shelter, shelter });
  const { id } = newConversation();
  await here.store.create(newConversation({ id }));
  const turn = messageTurn("Hello");
  await here.store.accept(id, turn);
  const channel = new ConversationChannel();
  const logger = createRecordingLogger();
  const feed = new RemoteFeed({ conversationId: id, log: storage.log, channel, logger });
  await feed.follow();
  const shown: string[] = [];
  const epochs: string[] = [];
  const counts = { rechecks: 0 };
  channel.join({
    deliver: (seq, event) => void shown.push(`${seq}:${String(parseFrame(event).delta)}`),
    recheck: () => {
      counts.rechecks += 1;
    },
    move: (epoch) => void epochs.push(epoch),
  });
  const tenure = await beginTenure({ conversationId: id, storage, channel, feed, logger });
  assert.ok(tenure);
  tenure.readsAs((await here.store.page(id, { limit: 1 })).conversation);
  test.after(async () => {
    await tenure.close(false).catch(() => undefined);
    await feed.pause();
    await both[Symbol.asyncDispose]();
  });
  const write = async (...texts: readonly string[]): Promise<void> => {
    for (const text of texts) {
      tenure.writer.write(delta(text));
      await tenure.writer.settled();
    }
  };
  /** What the other instance reads, from the beginning. */
  const readThere = async (): Promise<unknown[] | undefined> => {
    const { epoch } = await there.log.open(id);
    const slice = await there.log.read(id, { epoch, after: 0, limit: 100 });
    return slice?.events.map(parseFrame).map(({ seq, delta: text }) => `${Number(seq)}:${String(text)}`);
  };
  const leave = async (text: string): Promise<void> => {
    storage.beforeNext("append", away);
    await write(text);
    assert.ok(tenure.writer.detached);
  };
  const scene = { server, there, storage, shelter, adoption, id, turn, tenure, logger, feed };
  return { ...scene, shown, epochs, counts, write, readThere, leave };
}
