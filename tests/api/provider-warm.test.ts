// The connection to the provider is there before the first visitor: seen from the provider's side, on real sockets.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { it, type TestContext } from "node:test";
import { startApp } from "../support/running-app.ts";
import { createSmallRegistry } from "../support/small-registry.ts";
import { until } from "../support/until.ts";

async function startProvider(t: TestContext) {
  const asked: string[] = [];
  let connections = 0;
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    request.resume();
    if (request.method === "GET") {
      response.writeHead(200, { "content-type": "application/json" }).end('{"data":[]}');
      return;
    }
    response.writeHead(200, { "content-type": "text/event-stream" });
    const choice = { index: 0, delta: { content: "Warm." }, finish_reason: "stop" };
    response.end(`data: ${JSON.stringify({ choices: [choice] })}\n\ndata: [DONE]\n\n`);
  }).listen(0, "127.0.0.1");
  server.on("connection", () => {
    connections += 1;
  });
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  assert.ok(typeof address === "object" && address);
  return { url: `http://127.0.0.1:${address.port}/v1`, asked, connections: () => connections };
}

it("the first reply goes over the connection that was opened at the start, which cost no token", async (t) => {
  const provider = await startProvider(t);
  const env = { LLM_PROVIDER: "openai", OPENAI_BASE_URL: provider.url, OPENAI_MODEL: "m" };
  const app = await startApp(t, { registry: createSmallRegistry() }, env);
  await until("it is warm", () => app.log.named("llm_connection_warmed").length === 1);
  assert.deepEqual(provider.asked, ["GET /v1/models"]);
  const response = await fetch(`${app.url}/api/v1/chat`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ message: "What is the weather on Mars?" }),
  });
  assert.match(await response.text(), /Warm\./);
  assert.deepEqual(provider.asked, ["GET /v1/models", "POST /v1/chat/completions"]);
  assert.equal(provider.connections(), 1);
});
