// The client that LangSmith watches: the contract of remote models, and what LangSmith gets to see.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { describe, it } from "node:test";
import { createTracedClient } from "#app/services/llm/traced-client.ts";
import { describeRemoteChatModel } from "../../contracts/remote-chat-model.ts";
import { say } from "../../support/provider-chunks.ts";
import { ask, endpointAt, KEY, PATIENT } from "../../support/remote-request.ts";
import { startScriptableProvider } from "../../support/scriptable-provider.ts";
import { until } from "../../support/until.ts";

describeRemoteChatModel("the traced client", (origin, deadlines) =>
  createTracedClient(endpointAt(origin), deadlines),
);

describe("what LangSmith sees of the traced client", () => {
  it("is one call of a chat model with its prompt, reply and usage, and never the key", async () => {
    const received: string[] = [];
    const langSmith = createServer((request, response) => {
      void text(request).then((body) => {
        received.push(body);
        response.setHeader("content-type", "application/json").end("{}");
      });
    });
    langSmith.listen(0, "127.0.0.1");
    await once(langSmith, "listening");
    const address = langSmith.address();
    assert.ok(typeof address === "object" && address);
    Object.assign(process.env, {
      LANGSMITH_TRACING: "true",
      LANGSMITH_API_KEY: "ls-key",
      LANGSMITH_ENDPOINT: `http://127.0.0.1:${address.port}`,
      LANGSMITH_DISABLE_RUN_COMPRESSION: "true",
    });
    try {
      await using provider = await startScriptableProvider();
      provider.reply({ steps: say.answer("Ada ", "was born in 1815.") });
      const heard = await ask(createTracedClient(endpointAt(provider.origin), PATIENT));
      assert.equal(heard.text, "Ada was born in 1815.");
      const all = () => received.join("\n");
      await until("the run's end at LangSmith", () => all().includes("was born in 1815."), 10_000);
      assert.match(all(), /"run_type":"llm"/);
      assert.match(all(), /ChatOpenAI/);
      assert.ok(all().includes("THE-PROMPT"));
      assert.ok(all().includes("test-model"));
      assert.match(all(), /"output_tokens":2/);
      assert.ok(!all().includes(KEY));
    } finally {
      for (const name of ["TRACING", "API_KEY", "ENDPOINT", "DISABLE_RUN_COMPRESSION"])
        delete process.env[`LANGSMITH_${name}`];
      langSmith.closeAllConnections();
      langSmith.close();
    }
  });
});
