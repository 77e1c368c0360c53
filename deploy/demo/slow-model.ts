// A language model that always says the same, slowly enough to watch: OpenAI's streaming protocol over one text.
// Promises: the same words to every request, one at a time at an even pace; a request that was left is not gone on with.

import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { setTimeout as pause } from "node:timers/promises";

export interface SlowModelOptions {
  readonly text: string;
  readonly wordsPerSecond: number;
}

export interface SlowModel extends AsyncDisposable {
  /** What OPENAI_BASE_URL is to hold. */
  readonly baseUrl: string;
}

export async function startSlowModel(options: SlowModelOptions): Promise<SlowModel> {
  const server = createServer((request, response) => {
    request.resume();
    // Who asked may be killed at any moment: that is what the demonstration is about.
    speak(response, options).catch(() => response.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no address");
  return {
    baseUrl: `http://127.0.0.1:${address.port}/v1`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

async function speak(response: ServerResponse, { text, wordsPerSecond }: SlowModelOptions): Promise<void> {
  response.writeHead(200, { "content-type": "text/event-stream" });
  const words = text.split(/(?<=\s)/);
  const startedAt = performance.now();
  for (const [index, word] of words.entries()) {
    // From the start on, and not from the word before: the pace does not drift.
    await pause(Math.max(0, startedAt + (index * 1000) / wordsPerSecond - performance.now()));
    if (response.destroyed) return;
    response.write(toEvent({ delta: { content: word }, finish_reason: null }));
  }
  response.end(`${toEvent({ delta: {}, finish_reason: "stop" })}data: [DONE]\n\n`);
}

function toEvent(choice: object): string {
  const chunk = {
    id: "1",
    object: "chat.completion.chunk",
    model: "slow",
    choices: [{ index: 0, ...choice }],
  };
  return `data: ${JSON.stringify(chunk)}\n\n`;
}
