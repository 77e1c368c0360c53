// The agent: a LangGraph graph, compiled once, `retrieve → respond`. The one door of LangGraph.
// Persona, history and sink come in by the run's context, and tokens leave by the sink: a token passes no stream mode,
// no event emitter and no copy of the state. There is no checkpointer, because the conversation store is the memory.

import { Annotation, END, START, StateGraph } from "@langchain/langgraph";
import { AppError } from "#app/core/errors.ts";
import { detectLanguage } from "#app/core/language.ts";
import type { Persona } from "#app/models/persona.ts";
import { authoredLines } from "#app/services/chatbot/retrieval/intents.ts";
import type {
  AuthoredLines,
  ChatModelClient,
  ChatModelReply,
  ChatModelRequest,
  Passage,
  ReplySource,
} from "#app/services/llm/client.ts";
import type { Knowledge } from "./knowledge.ts";
import { chooseLanguage } from "./persona-view.ts";
import { assemblePrompt } from "./prompt.ts";
import { type HistoryWindow, heardBy } from "./prompt-history.ts";

/** What one reply is made of. */
export interface AgentTurn {
  readonly persona: Persona;
  /** The visitor's message. */
  readonly text: string;
  /** What was said before it. */
  readonly history: HistoryWindow;
  /** The language of the visitor's page, where it is known. */
  readonly locale: string | undefined;
  /** The sink: receives the reply piece by piece, synchronously. */
  readonly onDelta: (delta: string) => void;
  readonly signal: AbortSignal;
  /** Whose budgets the reply is paid from. */
  readonly payer?: ChatModelRequest["payer"];
  /** Hears whose words are about to come, before the first of them. */
  readonly onSource?: ChatModelRequest["onSource"];
}

export interface Agent {
  /** Where its words come from while nothing goes wrong: what a reply that broke off is marked with. */
  readonly source: ReplySource;
  /** Streams one reply into `turn.onDelta`. Rejects with the signal's reason, or an AppError. */
  reply(turn: AgentTurn): Promise<ChatModelReply>;
}

export interface AgentOptions {
  readonly model: ChatModelClient;
  readonly knowledge: Knowledge;
  /** Tokens that a prompt may take, the reply's own not counted. */
  readonly promptTokens?: number;
}

/** What `retrieve` hands to `respond`. */
interface Finding {
  readonly language: string;
  readonly passages: readonly Passage[];
  readonly lines: AuthoredLines;
}

/** Enough for rules, twenty messages and the notes; far below what any model of today takes. */
const PROMPT_TOKENS = 6_000;

const AgentState = Annotation.Root({ finding: Annotation<Finding>(), reply: Annotation<ChatModelReply>() });
const AgentContext = Annotation.Root({ turn: Annotation<AgentTurn>() });

/** Compiles the graph. The result is stateless: one agent serves every conversation. */
export function createAgent(options: AgentOptions): Agent {
  const { model, knowledge, promptTokens = PROMPT_TOKENS } = options;
  const graph = new StateGraph(AgentState, AgentContext)
    .addNode("retrieve", async (_state, runtime) => ({ finding: await retrieve(knowledge, turnOf(runtime)) }))
    .addNode("respond", async ({ finding }, runtime) => ({
      reply: await respond(model, knowledge, promptTokens, turnOf(runtime), finding),
    }))
    .addEdge(START, "retrieve")
    .addEdge("retrieve", "respond")
    .addEdge("respond", END)
    .compile();
  return {
    source: model.provider === "offline" ? "offline" : "model",
    // The signal travels in the turn, not to invoke(): invoke would reject on an abort while the node goes on.
    reply: async (turn) => (await graph.invoke({}, { context: { turn } })).reply,
  };
}

function turnOf(runtime: { context?: { turn?: AgentTurn } }): AgentTurn {
  const turn = runtime.context?.turn;
  if (!turn) throw new AppError("internal_error", { cause: new Error("the graph was run without a turn") });
  return turn;
}

/** Finds what the reply may draw on: the visitor's language, authored lines, passages. */
async function retrieve(knowledge: Knowledge, turn: AgentTurn): Promise<Finding> {
  turn.signal.throwIfAborted();
  const { persona, text } = turn;
  const language = await detectLanguage(text, persona.languages, chooseLanguage(persona, turn.locale));
  const recent = heardBy(persona, turn.history.messages)
    .filter((message) => message.role === "user")
    .map((message) => message.content);
  return {
    language,
    passages: knowledge.retrieve(persona, { text, recent, language, state: {} }),
    lines: authoredLines(persona, { text, language }),
  };
}

/** Speaks: the model, or the offline provider, writes into the turn's sink. */
function respond(
  model: ChatModelClient,
  knowledge: Knowledge,
  promptTokens: number,
  turn: AgentTurn,
  finding: Finding,
): Promise<ChatModelReply> {
  const { persona, text, history } = turn;
  const recentTexts = [...heardBy(persona, history.messages).map((message) => message.content), text];
  const triggered = knowledge.triggered(persona, recentTexts, {});
  const messages = assemblePrompt({
    persona,
    constant: knowledge.constant(persona, {}),
    found: [
      ...finding.passages.map((passage) => ({ id: passage.id, text: passage.text })),
      ...triggered.map((entry) => ({ id: entry.id, text: entry.content })),
    ],
    history,
    language: finding.language,
    text,
    budgetTokens: promptTokens,
  });
  const { passages, lines } = finding;
  const { payer, onSource, onDelta, signal } = turn;
  const request = { messages, passages, lines, model: persona.model };
  return model.stream(
    { ...request, ...(payer && { payer }), ...(onSource && { onSource }) },
    onDelta,
    signal,
  );
}
