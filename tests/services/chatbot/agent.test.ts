// The agent: one compiled graph for every conversation; what reaches the model, and what never does.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AppError } from "#app/core/errors.ts";
import type { StoredMessage } from "#app/models/conversation.ts";
import type { KnowledgeNote } from "#app/models/persona.ts";
import { type AgentTurn, createAgent } from "#app/services/chatbot/agent.ts";
import { createKnowledge } from "#app/services/chatbot/knowledge.ts";
import { createOfflineClient } from "#app/services/llm/offline.ts";
import { createScriptedModel, type ScriptedModel } from "../../support/scripted-model.ts";
import { settle } from "../../support/settle.ts";
import { handMadeEntry, handMadeNote, handMadePersona } from "./hand-made-persona.ts";

function turnOf(changes: Partial<AgentTurn> = {}): AgentTurn {
  return {
    persona: handMadePersona(),
    text: "Hello",
    history: { messages: [], olderCount: 0 },
    locale: undefined,
    onDelta: () => undefined,
    signal: new AbortController().signal,
    ...changes,
  };
}

function startAgent(notes: readonly KnowledgeNote[] = []) {
  const model = createScriptedModel();
  return { model, agent: createAgent({ model, knowledge: createKnowledge(() => notes) }) };
}

function promptOf(model: ScriptedModel, call = 0): string {
  return model.calls[call]?.messages.map(({ content }) => content).join("\n") ?? "";
}

describe("the agent", () => {
  it("streams the model's words into the turn's sink and hands back how they ended", async () => {
    const { agent, model } = startAgent();
    model.script("Good", " day");
    const deltas: string[] = [];
    const reply = await agent.reply(turnOf({ onDelta: (delta) => deltas.push(delta) }));
    assert.deepEqual(deltas, ["Good", " day"]);
    assert.deepEqual([reply.source, reply.finishReason], ["model", "stop"]);
  });

  it("serves twenty turns at once with one graph and mixes nothing", async () => {
    const { agent, model } = startAgent();
    const gates = Array.from({ length: 20 }, () => Promise.withResolvers<void>());
    for (const [index, gate] of gates.entries())
      model.script(`a${index}`, { until: gate.promise }, `b${index}`);
    const said = gates.map(() => "");
    const turns = gates.map((_, index) => {
      const persona = handMadePersona({ id: `p${index}`, identity: `IDENTITY-${index}.` });
      const onDelta = (delta: string) => {
        said[index] += delta;
      };
      return agent.reply(turnOf({ persona, text: `question ${index}.`, onDelta }));
    });
    await settle(30);
    assert.equal(model.active, 20);
    for (const gate of gates.toReversed()) gate.resolve();
    await Promise.all(turns);
    for (const [call, { messages }] of model.calls.entries()) {
      const index = /question (\d+)\./.exec(messages.at(-1)?.content ?? "")?.[1];
      assert.match(promptOf(model, call), new RegExp(`IDENTITY-${index}\\.`));
      assert.equal(said[Number(index)], `a${call}b${call}`);
    }
    assert.equal(new Set(said).size, 20);
  });

  it("gives the model the persona's text, its settings, the history and the question", async () => {
    const { agent, model } = startAgent();
    const settings = { name: "special", temperature: 0.1, topP: 0.5, maxOutputTokens: 42 };
    const earlier: StoredMessage = { id: "1", role: "user", content: "EARLIER", createdAt: 0, runId: "1" };
    await agent.reply(
      turnOf({
        persona: handMadePersona({ model: settings }),
        history: { messages: [earlier], olderCount: 0 },
        text: "NOW",
      }),
    );
    for (const mark of [/IDENTITY-TEXT/, /VOICE-TEXT/, /RULES-TEXT/, /NEVER-TEXT/, /EARLIER/, /NOW$/])
      assert.match(promptOf(model), mark);
    assert.deepEqual(model.calls[0]?.model, settings);
  });

  for (const [text, locale, language] of [
    ["When were you born?", "tr", "en"],
    ["Ne zaman doğdun?", "en", "tr"],
    ["1843?", "tr", "tr"],
    ["1843?", undefined, "en"],
    ["1843?", "fr", "en"],
  ] as const) {
    it(`answers ${JSON.stringify(text)} from a page in ${locale ?? "no language"} in "${language}"`, async () => {
      const { agent, model } = startAgent();
      await agent.reply(turnOf({ text, locale }));
      assert.match(
        model.calls[0]?.messages.at(-2)?.content ?? "",
        new RegExp(`in the language "${language}"`),
      );
    });
  }

  it("brings the facts that fit the question, and the authored lines, to the model", async () => {
    const { agent, model } = startAgent();
    await agent.reply(turnOf({ text: "When were you born?" }));
    assert.match(promptOf(model), /10 December 1815/);
    assert.match(model.calls[0]?.passages[0]?.text ?? "", /10 December 1815/);
    assert.equal(model.calls[0]?.lines.fallback, "I do not know.");
  });

  it("says where its words come from while nothing goes wrong", () => {
    const knowledge = createKnowledge(() => []);
    assert.equal(startAgent().agent.source, "model");
    assert.equal(createAgent({ model: createOfflineClient(), knowledge }).source, "offline");
  });
});

describe("an agent whose model fails or is stopped", () => {
  it("lets the model's error through as it is", async () => {
    const { agent, model } = startAgent();
    const error = new AppError("llm_rejected");
    model.script({ fail: error });
    await assert.rejects(agent.reply(turnOf()), (thrown) => thrown === error);
  });

  it("rejects with the signal's reason, before it asked and in the midst", async () => {
    const { agent, model } = startAgent();
    const reason = new Error("stopped");
    await assert.rejects(
      agent.reply(turnOf({ signal: AbortSignal.abort(reason) })),
      (thrown) => thrown === reason,
    );
    assert.equal(model.calls.length, 0);
    const stop = new AbortController();
    model.script("a", { until: new Promise(() => undefined) });
    const replying = agent.reply(turnOf({ signal: stop.signal, onDelta: () => stop.abort(reason) }));
    await assert.rejects(replying, (thrown) => thrown === reason);
    assert.equal(model.active, 0);
  });

  it("is as good as new for the next turn", async () => {
    const { agent, model } = startAgent();
    model.script({ fail: new Error("broken") });
    await assert.rejects(agent.reply(turnOf()));
    assert.equal((await agent.reply(turnOf())).finishReason, "stop");
  });
});

describe("what an object must not know", () => {
  const card = handMadePersona({
    kind: "object",
    id: "card",
    tags: [],
    knowledge: [handMadeEntry({ keys: ["loom"], content: "CARD-NOTE" })],
  });

  it("never enters its prompt: a note that is known by others", async () => {
    const note = handMadeNote({ knownBy: ["family"] });
    const { agent, model } = startAgent([note]);
    const text = "What is in the vault?";
    await agent.reply(turnOf({ persona: card, text }));
    await agent.reply(turnOf({ text }));
    assert.ok(!JSON.stringify(model.calls[0]).includes("golden gear"));
    assert.match(promptOf(model, 1), /golden gear/, "the note would have been found");
  });

  it("never enters its prompt: what was said to others, nor what that would have brought up", async () => {
    const { agent, model } = startAgent();
    const persona = { kind: "persona", id: "ada" } as const;
    const messages: StoredMessage[] = [
      { id: "1", role: "user", content: "SECRET about the loom", createdAt: 0, runId: "1" },
      { id: "2", role: "assistant", content: "SECRET answer", createdAt: 0, runId: "1", persona },
    ];
    await agent.reply(turnOf({ persona: card, history: { messages, olderCount: 0 }, text: "And?" }));
    assert.doesNotMatch(promptOf(model), /SECRET|CARD-NOTE/);
    await agent.reply(turnOf({ persona: card, text: "And the loom?" }));
    assert.match(promptOf(model, 1), /CARD-NOTE/);
  });
});
