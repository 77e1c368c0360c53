// The same client, watched by LangSmith: the call goes through LangChain's ChatOpenAI, which tells LangSmith of it.
// ChatOpenAI reads the provider's stream for the trace; the visitor's text comes from our own reader of the same bytes,
// so that tracing changes nothing of what is asked and said, of deadlines or of faults. It never sees the key.

import type { ChatModelClient, ChatModelReply, ChatModelRequest } from "./client.ts";
import { completeStreaming } from "./completion-call.ts";
import { DEFAULT_DEADLINES, type Deadlines } from "./deadlines.ts";
import { type ModelEndpoint, modelFor, toCompletionBody } from "./endpoint.ts";

type Outcome = Omit<ChatModelReply, "source">;
/** Makes the call; each event of its stream is handed to the relay, too. */
type Complete = (relay: EventRelay) => Promise<Outcome>;

/** ChatOpenAI demands a key. The real one is in the headers of our own transport. */
const NO_KEY = "not-here";
/** What the trace may need after the reply is whole. */
const TRACE_END_MS = 1_000;

export function createTracedClient(
  endpoint: ModelEndpoint,
  deadlines: Deadlines = DEFAULT_DEADLINES,
): ChatModelClient {
  return {
    provider: endpoint.provider,
    async stream(request, onDelta, signal) {
      signal.throwIfAborted();
      const model = modelFor(endpoint, request.model.name);
      const body = JSON.stringify(toCompletionBody(endpoint, request));
      const { firstText } = request;
      const complete: Complete = ({ write: onEvent }) =>
        completeStreaming({ endpoint, model, body, deadlines, firstText, onDelta, onEvent, signal });
      try {
        return { source: "model", ...(await watched(model, request, complete, signal)) };
      } catch (error) {
        // LangChain makes an error of its own of an abort.
        throw signal.aborted ? signal.reason : error;
      }
    },
  };
}

/** Lets ChatOpenAI ask, answers it from our own call, and settles as that call does. */
async function watched(
  model: string,
  request: ChatModelRequest,
  complete: Complete,
  signal: AbortSignal,
): Promise<Outcome> {
  // Loaded by the first traced call only: the package costs memory and start time.
  const { ChatOpenAI } = await import("@langchain/openai");
  const called = Promise.withResolvers<Outcome>();
  let isCalled = false;
  const fetchFromCall = async (): Promise<Response> => {
    isCalled = true;
    const relay = new EventRelay();
    const call = complete(relay);
    call.then(relay.end, relay.fail);
    called.resolve(call);
    return new Response(relay.stream, { headers: { "content-type": "text/event-stream" } });
  };
  const chat = new ChatOpenAI({
    ...fieldsOf(model, request),
    // The address is named, or the SDK would look for one in the environment; nothing is sent there.
    configuration: { baseURL: "http://provider.invalid/v1", fetch: fetchFromCall, logLevel: "off" },
  });
  const trace = async () => {
    const messages = request.messages.map(({ role, content }) => ({ role, content }));
    for await (const _chunk of await chat.stream(messages, { signal }));
  };
  // What LangChain makes of a fault is its own affair, unless it never came to ask.
  const traced = trace().catch((error: unknown) => {
    if (!isCalled) called.reject(error);
  });
  const outcome = await called.promise;
  await within(TRACE_END_MS, traced);
  return outcome;
}

/** What the trace shows of the request; the request itself is ours. */
function fieldsOf(model: string, { model: { temperature, topP, maxOutputTokens } }: ChatModelRequest) {
  const once = { maxRetries: 0, streamUsage: true, useResponsesApi: false };
  return { model, temperature, topP, maxTokens: maxOutputTokens, apiKey: NO_KEY, ...once };
}

/** The events of our call as the body of a response. */
class EventRelay {
  readonly stream: ReadableStream<Uint8Array>;
  readonly #encoder = new TextEncoder();
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;

  constructor() {
    this.stream = new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
      },
      // A reader who left must not disturb the call.
      cancel: () => {
        this.#close();
      },
    });
  }

  readonly write = (data: string): void => {
    // More than one line is one event all the same.
    const lines = data.split("\n").map((line) => `data: ${line}\n`);
    this.#controller?.enqueue(this.#encoder.encode(`${lines.join("")}\n`));
  };

  readonly end = (): void => this.#close()?.close();

  readonly fail = (error: unknown): void => this.#close()?.error(error);

  #close(): ReadableStreamDefaultController<Uint8Array> | undefined {
    const controller = this.#controller;
    this.#controller = undefined;
    return controller;
  }
}

async function within(ms: number, work: Promise<void>): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, ms);
  await Promise.race([work, late.promise]);
  clearTimeout(timer);
}
