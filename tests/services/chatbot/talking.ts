// A chat session without a socket: what its client says and what it is shown.

import type { TestContext } from "node:test";
import { AppError } from "#app/core/errors.ts";
import { createToken } from "#app/core/secrets.ts";
import type { ClientFrame } from "#app/models/client-frame.ts";
import type { PersonaRef } from "#app/models/persona.ts";
import { ChatSession } from "#app/services/chatbot/session.ts";
import { ChatCore, type ChatCoreOptions } from "../../support/chat-core.ts";
import { RecordedFrames } from "../../support/recorded-frames.ts";
import { settle } from "../../support/settle.ts";
import type { Frame } from "../../support/socket-client.ts";
import { assertWireInvariants } from "../../support/wire-invariants.ts";

class Client {
  readonly shown = new RecordedFrames();
  readonly taken: string[] = [];
  readonly session: ChatSession;
  refuse: "message" | "join" | undefined;

  constructor(core: ChatCore, chosen?: PersonaRef) {
    this.session = new ChatSession({
      connectionId: "c-1",
      conversations: core.conversations,
      transport: this.shown,
      chosen,
      visitor: "visitor",
      take: async (what) => {
        this.taken.push(what);
        if (this.refuse === what) throw new AppError("rate_limited");
      },
    });
  }

  /** Carries a frame out and hands back the last frame of that name. */
  async tell(frame: ClientFrame, answer: string): Promise<{ readonly [field: string]: unknown }> {
    await this.session.handle(frame);
    await settle();
    return Object(this.shown.named(answer).at(-1)?.value);
  }
}

export function start(test: TestContext, options: ChatCoreOptions = {}) {
  const core = new ChatCore(test, options);
  const clients: Client[] = [];
  test.after(() => {
    for (const { session, shown } of clients) {
      session.close();
      assertWireInvariants(shown.frames);
    }
  });
  return {
    core,
    connect: (chosen?: PersonaRef): Client => {
      const client = new Client(core, chosen);
      clients.push(client);
      return client;
    },
  };
}

/** A client in a new conversation, and the frame that brings another into it. */
export async function startJoined(test: TestContext, options: ChatCoreOptions = {}) {
  const { core, connect } = start(test, options);
  const own = { conversationId: createToken(), resumeToken: createToken() };
  const client = connect();
  const joined = await client.tell({ type: "join", ...own, create: true }, "joined");
  return { core, connect, client, joined, back: { type: "join", ...own } as const, id: own.conversationId };
}

/** The texts of a snapshot. */
export const contents = (frame: Frame | undefined) =>
  Object(frame).messages.map(({ content }: { content: string }) => content);
