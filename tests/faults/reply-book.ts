// A language model whose reply to each question a test has written down, and which says it piece by piece as the test
// lets it. Found by the question and not by turns, so that several instances can share it, whichever of them answers.

import assert from "node:assert/strict";
import type { ChatModelClient, ChatModelReply, ChatModelRequest } from "#app/services/llm/client.ts";
import { createPacedScript, type PacedScript } from "../support/paced-model.ts";
import { createScriptedModel, type ScriptedModel } from "../support/scripted-model.ts";

export class ReplyBook implements ChatModelClient {
  readonly provider = "scripted";
  /** As often as each is to be answered. */
  readonly #models = new Map<string, ScriptedModel[]>();

  /**
   * Writes a reply down; its first piece is said at once, the others as the script is advanced. A question that is to be
   * answered again is written down again.
   */
  write(question: string, pieces: readonly string[]): PacedScript {
    const script = createPacedScript(...pieces);
    const model = createScriptedModel();
    model.script(...script.steps);
    this.#models.set(question, [...(this.#models.get(question) ?? []), model]);
    return script;
  }

  /** How many replies are being said. */
  get active(): number {
    return [...this.#models.values()].flat().reduce((sum, { active }) => sum + active, 0);
  }

  stream(
    request: ChatModelRequest,
    onDelta: (delta: string) => void,
    signal: AbortSignal,
  ): Promise<ChatModelReply> {
    const question = request.messages.findLast(({ role }) => role === "user")?.content ?? "";
    const model = this.#models.get(question)?.find(({ calls }) => calls.length === 0);
    assert.ok(model, `${question} is answered as often as it is asked`);
    return model.stream(request, onDelta, signal);
  }
}
