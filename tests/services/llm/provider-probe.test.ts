// Asking a provider for what costs nothing: which address, with which key, over which connection, and what is made of it.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import { describe, test } from "node:test";
import { parseConfig } from "#app/core/config.ts";
import { isRefusal, probeProvider, warmProvider } from "#app/services/llm/provider-probe.ts";
import { createRecordingLogger } from "../../support/recording-logger.ts";
import { until } from "../../support/until.ts";

interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

/** Answers every request with a status; 0: never. */
async function startProvider(status: number, { stream = false } = {}) {
  const asked: Asked[] = [];
  let connections = 0;
  const server = createServer((request, response) => {
    const { method = "", url = "", headers } = request;
    asked.push({ method, url, headers });
    if (status === 0) return;
    response.writeHead(status, { "content-type": stream ? "text/event-stream" : "application/json" });
    if (stream) response.write("data: {}\n\n");
    else response.end('{"data":[]}');
  }).listen(0, "127.0.0.1");
  server.on("connection", () => {
    connections += 1;
  });
  await once(server, "listening");
  const address = server.address();
  assert.ok(typeof address === "object" && address);
  return {
    origin: `http://127.0.0.1:${address.port}`,
    asked,
    connections: () => connections,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

const never = () => new AbortController().signal;
const openAi = (baseUrl: string) =>
  parseConfig({ LLM_PROVIDER: "openai", OPENAI_BASE_URL: baseUrl, OPENAI_API_KEY: "sk-secret-0815" }).llm;
const azure = (endpoint: string) =>
  parseConfig({
    LLM_PROVIDER: "deepseek",
    AZURE_AI_ENDPOINT: endpoint,
    AZURE_AI_CREDENTIAL: "az-secret-0815",
    DEEPSEEK_MODEL_NAME: "DeepSeek-V3-0324",
  }).llm;

describe("a probe of the provider", () => {
  test("asks OpenAI's form for its list of models, with the key and without a word to answer", async () => {
    await using provider = await startProvider(200);
    assert.equal(await probeProvider(openAi(`${provider.origin}/v1/?tenant=a`), never()), 200);
    const [asked, ...more] = provider.asked;
    assert.deepEqual([asked?.method, asked?.url, more], ["GET", "/v1/models?tenant=a", []]);
    assert.equal(asked?.headers.authorization, "Bearer sk-secret-0815");
    assert.equal(asked?.headers["content-length"], undefined);
  });

  test("asks both forms of Azure's address for what is free there", async () => {
    await using provider = await startProvider(200);
    await probeProvider(azure(`${provider.origin}/models`), never());
    await probeProvider(azure(`${provider.origin}/openai/v1`), never());
    assert.deepEqual(
      provider.asked.map(({ url, headers }) => [url, headers["api-key"]]),
      [
        ["/info?api-version=2024-05-01-preview", "az-secret-0815"],
        ["/openai/v1/models", "az-secret-0815"],
      ],
    );
  });

  test("asks nobody where the provider is offline", async () => {
    assert.equal(await probeProvider(parseConfig({}).llm, never()), undefined);
  });

  test("tells the status as it is, and rejects where there is no answer", async () => {
    await using refusing = await startProvider(401);
    assert.equal(await probeProvider(openAi(refusing.origin), never()), 401);
    assert.ok(isRefusal(401) && isRefusal(403) && !isRefusal(404));
    await using silent = await startProvider(0);
    const stop = new AbortController();
    const hanging = assert.rejects(probeProvider(openAi(silent.origin), stop.signal), { name: "AbortError" });
    await until("it is asked", () => silent.asked.length === 1);
    stop.abort();
    await hanging;
  });

  test("does not read a stream that never ends", async () => {
    await using provider = await startProvider(200, { stream: true });
    assert.equal(await probeProvider(openAi(provider.origin), never()), 200);
  });
});

describe("warming the provider", () => {
  test("leaves one connection that the next call uses", async () => {
    await using provider = await startProvider(200);
    const logger = createRecordingLogger();
    const config = openAi(provider.origin);
    await warmProvider(config, logger, never());
    await probeProvider(config, never());
    assert.deepEqual([provider.asked.length, provider.connections()], [2, 1]);
    assert.partialDeepStrictEqual(logger.named("llm_connection_warmed"), [
      { level: "info", fields: { provider: "openai", status: 200 } },
    ]);
  });

  test("warns where the key is refused, and where nobody is there, without key and address", async () => {
    const refusing = await startProvider(401);
    const logger = createRecordingLogger();
    const config = openAi(refusing.origin);
    await warmProvider(config, logger, never());
    await refusing[Symbol.asyncDispose]();
    await warmProvider(config, logger, never());
    assert.partialDeepStrictEqual(
      logger.lines.map(({ level, event, fields }) => ({ level, event, fields })),
      [
        { level: "warn", event: "llm_connection_warmed", fields: { status: 401 } },
        { level: "warn", event: "llm_connection_failed" },
      ],
    );
    // The kept connection's end may be met before nobody is found to answer a new one.
    assert.match(String(logger.lines[1]?.fields.reason), /^ECONN(?:REFUSED|RESET)$/);
    assert.doesNotMatch(JSON.stringify(logger.lines), /0815|127\.0\.0\.1/);
  });

  test("says nothing when the process stops meanwhile, and nothing of the offline provider", async () => {
    await using silent = await startProvider(0);
    const logger = createRecordingLogger();
    const stop = new AbortController();
    const warming = warmProvider(openAi(silent.origin), logger, stop.signal);
    await until("it is asked", () => silent.asked.length === 1);
    stop.abort();
    await warming;
    await warmProvider(parseConfig({}).llm, logger, never());
    assert.deepEqual(logger.lines, []);
  });
});
