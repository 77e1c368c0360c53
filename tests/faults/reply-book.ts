// A language model whose reply to each question a test has written down, and which says it piece by piece as the test
// lets it. Found by the question and not by turns, so that several instances can share it, whichever of them answers.

import assert from "node:assert/strict";
import type { ChatModelClient, ChatModelReply, ChatModelRequest } from "#app/services/llm/client.ts";
import { createPacedScript, type PacedScript } from "../support/paced-model.ts";
import { createScriptedModel, type ScriptedModel } from "../support/scripted-model.ts";

export class ReplyBook implements ChatModelClient {
  readonly provider = "scripted";
  readonly #models = new Map<string, ScriptedModel>();

  /** Writes a reply down; its first piece is said at once, the others as the script is advanced. */
  write(question: string, pieces: readonly string[]): PacedScript {
    assert.ok(!this.#models.has(question), `${question} is asked once`);
    const script = createPacedScript(...pieces);
    const model = createScriptedModel();
    model.script(...script.steps);
    this.#models.set(question, model);
    return script;
  }

  /** How many replies are being said. */
  get active(): number {
    return this.#models.values().reduce((sum, { active }) => sum + active, 0);
  }

  stream(
    request: ChatModelRequest,
    onDelta: (delta: string) => void,
    signal: AbortSignal,
  ): Promise<ChatModelReply> {
    const question = request.messages.findLast(({ role }) => role === "user")?.content ?? "";
    const model = this.#models.get(question);
    assert.ok(model && model.calls.length === 0, `${question} is answered once`);
    return model.stream(request, onDelta, signal);
  }
}
