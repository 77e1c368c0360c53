// How often a visitor waits for the storage: each call takes one round, and what is asked together is answered together.
// At just under the 500 ms that a call may take, two rounds are the second within which everybody is to be answered.

import assert from "node:assert/strict";
import { it, type TestContext } from "node:test";
import { createToken } from "#app/core/secrets.ts";
import type { ClientFrame } from "#app/models/client-frame.ts";
import { createStorageBundle } from "#app/services/chatbot/memory-factory.ts";
import { ChatSession } from "#app/services/chatbot/session.ts";
import { ChatCore } from "../../support/chat-core.ts";
import { RecordedFrames } from "../../support/recorded-frames.ts";
import { settle } from "../../support/settle.ts";

/** Answers every call at the end of its round, once it is slow. */
class Rounds {
  #waiting: (() => void)[] = [];
  isSlow = false;

  async over(): Promise<void> {
    if (this.isSlow) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** How many rounds pass until it has been carried out. */
  async until(carriedOut: Promise<unknown>): Promise<number> {
    let isOver = false;
    const watched = carriedOut.finally(() => {
      isOver = true;
    });
    for (let count = 0; ; count += 1) {
      await settle();
      if (isOver) return watched.then(() => count);
      assert.ok(count < 20, "it is never carried out");
      for (const answer of this.#waiting.splice(0)) answer();
    }
  }

  end(): void {
    this.isSlow = false;
    for (const answer of this.#waiting.splice(0)) answer();
  }

  /** The same object, each of whose methods is answered at the end of its round. */
  slow<Keeper extends object>(keeper: Keeper): Keeper {
    return new Proxy(keeper, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== "function") return member;
        return async (...args: unknown[]) => {
          const answer: unknown = await Reflect.apply(member, target, args);
          await this.over();
          return answer;
        };
      },
    });
  }
}

function start(test: TestContext) {
  const rounds = new Rounds();
  const bundle = createStorageBundle({ conversationTtlMs: 3_600_000 });
  test.after(() => bundle.close());
  const storage = { ...bundle, store: rounds.slow(bundle.store), log: rounds.slow(bundle.log) };
  // Before the core's own end, which would wait for ever.
  test.after(() => rounds.end());
  const core = new ChatCore(test, { storage });
  const connect = () => {
    const shown = new RecordedFrames();
    const session = new ChatSession({
      connectionId: "c-1",
      conversations: core.conversations,
      transport: shown,
      chosen: undefined,
      visitor: "visitor",
      take: () => rounds.over(),
    });
    test.after(() => session.close());
    return { shown, session };
  };
  const own = { conversationId: createToken(), resumeToken: createToken() };
  return { rounds, connect, own, core };
}

/** In how many rounds a visitor who has asked one thing and heard the answer gets each of these done. */
const COMMANDS: readonly (readonly [string, ClientFrame, number])[] = [
  ["says something", { type: "message", text: "And now?" }, 2],
  ["edits", { type: "edit", messageId: "first", text: "Otherwise" }, 2],
  ["has the last question answered again", { type: "regenerate" }, 2],
  ["has a named question answered again", { type: "regenerate", messageId: "first" }, 2],
  ["chooses who answers", { type: "persona", persona: "engineer" }, 2],
  ["reads back", { type: "history", limit: 10 }, 1],
  ["judges", { type: "feedback", messageId: "first", rating: "up" }, 1],
];

for (const [what, frame, expected] of COMMANDS)
  it(`a visitor who ${what} waits for ${expected} rounds of a slow storage`, async (test) => {
    const { rounds, connect, own } = start(test);
    const { session, shown } = connect();
    await session.handle({ type: "join", ...own, create: true });
    await session.handle({ type: "message", id: "first", text: "Hello" });
    await settle(30);
    assert.equal(shown.frames.at(-1)?.type, "RUN_FINISHED");
    rounds.isSlow = true;
    assert.equal(await rounds.until(session.handle(frame)), expected);
  });

it("a visitor who joins is answered after two rounds of a slow storage, also with a pair that is known", async (test) => {
  const { rounds, connect, own } = start(test);
  rounds.isSlow = true;
  for (const frame of [{ type: "join" }, { type: "join", ...own, create: true }] as const)
    for (let time = 0; time < 2; time += 1) {
      const { session, shown } = connect();
      assert.equal(await rounds.until(session.handle(frame)), 2);
      assert.equal(shown.named("joined").length, 1);
    }
});

it("a visitor joins a conversation that was made only after the look at it: the first call had to be made again", async (test) => {
  const { connect, core } = start(test);
  const late = Promise.withResolvers<void>();
  core.parts.storage.beforeNext("create", () => late.promise);
  const { session, shown } = connect();
  const joining = session.handle({ type: "join" });
  await settle();
  late.resolve();
  await joining;
  await session.handle({ type: "message", text: "Hello" });
  await settle(30);
  assert.equal(shown.named("joined").length, 1);
  assert.equal(shown.frames.at(-1)?.type, "RUN_FINISHED");
});

it("a visitor who comes back is answered after one round of a slow storage, with a position and without", async (test) => {
  const { rounds, connect, own } = start(test);
  const first = connect();
  await first.session.handle({ type: "join", ...own, create: true });
  const { epoch } = Object(first.shown.named("joined")[0]?.value);
  first.session.close();
  rounds.isSlow = true;
  for (const position of [{}, { epoch, after: 0 }]) {
    const { session, shown } = connect();
    assert.equal(await rounds.until(session.handle({ type: "join", ...own, ...position })), 1);
    const { recovered } = Object(shown.named("joined")[0]?.value);
    assert.equal(recovered, "epoch" in position ? true : undefined);
    session.close();
  }
});

it("a visitor who says something first hears of the conversation after two rounds of a slow storage", async (test) => {
  const { rounds, connect } = start(test);
  const { session, shown } = connect();
  rounds.isSlow = true;
  const joined = new Promise<void>((resolve) => {
    shown.onSend = () => resolve();
  });
  const handled = session.handle({ type: "message", text: "Hello" });
  assert.equal(await rounds.until(joined), 2);
  assert.equal(await rounds.until(handled), 1);
  assert.deepEqual(
    shown.frames.map(({ name }) => name),
    ["joined", "accepted"],
  );
});
