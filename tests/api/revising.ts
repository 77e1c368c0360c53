// An app with a scripted model, for the tests of what revises a conversation.

import type { TestContext } from "node:test";
import { Talk } from "../support/conversation.ts";
import { createLocalBundle } from "../support/local-bundle.ts";
import { startApp } from "../support/running-app.ts";
import { createScriptedModel, type ScriptedModel } from "../support/scripted-model.ts";
import { createSmallRegistry } from "../support/small-registry.ts";

export async function startRevising(t: TestContext, env: Record<string, string> = {}) {
  const model = createScriptedModel();
  const storage = createLocalBundle();
  const app = await startApp(t, { model, registry: createSmallRegistry(), storage }, env);
  const open = async () => new Talk(await app.connect());
  return { app, model, storage, open };
}

/** A conversation of questions that were answered in turn; each question's id is its text. */
export async function startAnswered(t: TestContext, ...texts: readonly string[]) {
  const started = await startRevising(t);
  const talk = await started.open();
  const { conversationId, resumeToken, epoch } = await talk.join();
  const pair = { conversationId, resumeToken };
  const runs: string[] = [];
  for (const text of texts) {
    started.model.script(`to ${text}`);
    const { runId } = await talk.say(text, { id: text });
    await talk.run(runId);
    runs.push(runId);
  }
  const replies = (await talk.history({ limit: 100 })).messages.filter(({ role }) => role === "assistant");
  const tab = async (fields: object = {}): Promise<Talk> => {
    const other = await started.open();
    await other.join({ ...pair, ...fields });
    return other;
  };
  return { ...started, talk, pair, epoch, runs, replyIds: replies.map(({ id }) => id), tab };
}

/** What the model was told of the conversation in its newest call: the texts, in order. */
export function lastPrompt(model: ScriptedModel): string[] {
  const messages = model.calls.at(-1)?.messages ?? [];
  return messages.filter(({ role }) => role !== "system").map(({ content }) => content);
}
