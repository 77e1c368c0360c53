// An app with a scripted model and a conversation that is spoken to over plain HTTP, for the tests of event streams.

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { ownPair } from "../support/conversation.ts";
import { command, makeConversation } from "../support/event-stream-client.ts";
import { createLocalBundle } from "../support/local-bundle.ts";
import { startApp } from "../support/running-app.ts";
import { createScriptedModel } from "../support/scripted-model.ts";
import { createSmallRegistry } from "../support/small-registry.ts";

/** `maxEvents`: how many events the log keeps. */
export async function startStreaming(t: TestContext, env: Record<string, string> = {}, maxEvents?: number) {
  const model = createScriptedModel();
  const storage = createLocalBundle(maxEvents);
  const app = await startApp(t, { model, registry: createSmallRegistry(1_000_000), storage }, env);
  const pair = ownPair();
  await makeConversation(app, pair);
  const say = async (text: string): Promise<{ runId: string; messageId: string }> => {
    const response = await command(app, pair, { type: "message", text });
    assert.equal(response.status, 200, await response.clone().text());
    return Object(await response.json()).value;
  };
  return { app, model, storage, pair, say };
}
