// The chat core without a transport: the real conversations, agent and in-memory bundle around a scripted model.

import type { TestContext } from "node:test";
import { createToken } from "#app/core/secrets.ts";
import type { Persona } from "#app/models/persona.ts";
import { createAgent } from "#app/services/chatbot/agent.ts";
import { Conversations, type OpenedConversation } from "#app/services/chatbot/conversations.ts";
import { createKnowledge } from "#app/services/chatbot/knowledge.ts";
import { createPersonaRegistry, type PersonaRegistry } from "#app/services/chatbot/persona-registry.ts";
import { RunAdmission, type RunAdmissionOptions } from "#app/services/chatbot/run-admission.ts";
import type { StorageBundle } from "#app/services/chatbot/storage-bundle.ts";
import { handMadePersona } from "../services/chatbot/hand-made-persona.ts";
import { RecordedFrames } from "./recorded-frames.ts";
import { createRecordingLogger } from "./recording-logger.ts";
import { createScriptedModel } from "./scripted-model.ts";
import { until } from "./until.ts";
import { storageFor, watchStorage } from "./watched-storage.ts";
import { assertWireInvariants } from "./wire-invariants.ts";

export const MAIN = handMadePersona({ id: "persona" });
export const ENGINEER = handMadePersona({ id: "engineer", name: "Engineer", revision: "eeeeeeeeeeee" });
const CARD = handMadePersona({ kind: "object", id: "card", name: "A card", revision: "cccccccccccc" });

export interface ChatCoreOptions {
  readonly personas?: readonly Persona[];
  readonly runDeadlineMs?: number;
  /** Places among the runs; by default more than any test takes. */
  readonly admission?: Partial<RunAdmissionOptions>;
  /** A storage that it shares; by default one of its own. */
  readonly storage?: StorageBundle;
}

/** A registry of the personas given; the first is the main one. */
export function registryOf(...personas: readonly Persona[]): PersonaRegistry {
  const ofKind = (kind: Persona["kind"]) =>
    new Map(personas.filter((persona) => persona.kind === kind).map((persona) => [persona.id, persona]));
  const library = { personas: ofKind("persona"), objects: ofKind("object"), notes: [], problems: [] };
  return createPersonaRegistry({ ...library, main: personas[0] ?? MAIN });
}

/** The parts around {@link Conversations}. */
export function createChatParts(test: TestContext, options: ChatCoreOptions = {}) {
  const storage = options.storage ? watchStorage(options.storage) : storageFor(test);
  const model = createScriptedModel();
  const registry = registryOf(...(options.personas ?? [MAIN, ENGINEER, CARD]));
  const agent = createAgent({ model, knowledge: createKnowledge(() => registry.notes()) });
  const logger = createRecordingLogger();
  const places = { maxRuns: 1_000, maxRunsPerVisitor: 1_000, maxWaiting: 1_000 };
  const admission = new RunAdmission({ ...places, ...options.admission });
  const runDeadlineMs = options.runDeadlineMs ?? 60_000;
  return { storage, model, registry, agent, admission, logger, runDeadlineMs };
}

type ChatParts = ReturnType<typeof createChatParts>;

export class ChatCore {
  readonly parts: ChatParts;
  readonly conversations: Conversations;
  readonly #listeners: RecordedFrames[] = [];

  constructor(test: TestContext, options: ChatCoreOptions = {}) {
    this.parts = createChatParts(test, options);
    this.conversations = new Conversations(this.parts);
    test.after(async () => {
      await this.conversations.drain(0);
      for (const { frames } of this.#listeners) assertWireInvariants(frames);
    });
  }

  /** A new conversation and everything that is shown in it. */
  async open(): Promise<{ opened: OpenedConversation; shown: RecordedFrames; id: string }> {
    const own = { id: createToken(), resumeToken: createToken() };
    const opened = await this.conversations.create({ own, persona: undefined, locale: undefined });
    return { opened, id: own.id, shown: await this.listen(opened) };
  }

  async listen(opened: OpenedConversation): Promise<RecordedFrames> {
    const shown = new RecordedFrames();
    this.#listeners.push(shown);
    const conversationId = opened.page.conversation.id;
    const onLost = () => shown.close("internalError");
    const reader = await this.conversations.listen({
      conversationId,
      transport: shown,
      onLevel: () => undefined,
      onLost,
    });
    reader.start(opened.page.conversation.seq, opened.head);
    return shown;
  }
}

/** How a run was ended, once it was. */
export async function endOf(shown: RecordedFrames, runId: string) {
  const ends = () =>
    shown.frames.filter((frame) => /^RUN_(?:FINISHED|ERROR)$/.test(frame.type) && frame.runId === runId);
  await until(`the end of ${runId}`, () => ends().length > 0);
  return ends()[0] ?? { type: "none" };
}
