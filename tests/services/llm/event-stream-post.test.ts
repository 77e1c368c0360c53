// The connection to a provider: what its deadline covers, TLS included, and what is kept of it.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { after, before, describe, it } from "node:test";
import { AppError } from "#app/core/errors.ts";
import { createChatCompletionsClient } from "#app/services/llm/chat-completions.ts";
import { faultOf } from "#app/services/llm/provider-fault.ts";
import { assertWithin } from "../../support/held-up.ts";
import { say } from "../../support/provider-chunks.ts";
import { ask, endpointAt, PATIENT } from "../../support/remote-request.ts";
import { startScriptableProvider } from "../../support/scriptable-provider.ts";

describe("the connection to a provider", () => {
  const sockets: Socket[] = [];
  let answer: string | undefined;
  let server: Server;
  let port: number;
  before(async () => {
    server = createServer((socket) => {
      sockets.push(socket.on("error", () => undefined));
      if (answer !== undefined) socket.once("data", () => socket.write(answer ?? ""));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    assert.ok(typeof address === "object" && address);
    ({ port } = address);
  });
  after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });

  it("stands only when TLS does: a server that accepts and then says nothing is given up", async () => {
    answer = undefined;
    const endpoint = endpointAt(`https://127.0.0.1:${port}`);
    const startedAt = performance.now();
    const { error } = await ask(createChatCompletionsClient(endpoint, { ...PATIENT, connectMs: 60 }));
    assert.ok(error instanceof AppError && error.code === "llm_unavailable");
    assert.equal(faultOf(error)?.transient, true);
    assertWithin("the end", performance.now() - startedAt, 2_000, startedAt);
  });

  it("is no connection when what answers does not speak TLS", async () => {
    answer = "HTTP/1.1 400 Bad Request\r\n\r\n";
    const { error } = await ask(
      createChatCompletionsClient(endpointAt(`https://127.0.0.1:${port}`), PATIENT),
    );
    assert.ok(error instanceof AppError && error.code === "llm_unavailable");
  });

  it("is no answer when what answers does not speak HTTP", async () => {
    answer = "220 mail.example ESMTP\r\n";
    const { error } = await ask(createChatCompletionsClient(endpointAt(`http://127.0.0.1:${port}`), PATIENT));
    assert.ok(error instanceof AppError && error.code === "llm_unavailable");
  });

  it("is not kept when the stream does not end after its last word, and the reply does not wait for it", async () => {
    await using provider = await startScriptableProvider();
    provider.reply({ steps: [say.content("a"), say.STOP, say.DONE], ending: "stall" });
    const client = createChatCompletionsClient(endpointAt(provider.origin), { ...PATIENT, trailerMs: 40 });
    assert.equal((await ask(client)).text, "a");
    assert.ok((await provider.requests[0]?.left) !== undefined);
  });

  it("does not hold a whole reply back when neither [DONE] nor the end ever comes", async () => {
    await using provider = await startScriptableProvider();
    provider.reply({ steps: [say.content("a"), say.STOP], ending: "stall" });
    const startedAt = performance.now();
    const client = createChatCompletionsClient(endpointAt(provider.origin), { ...PATIENT, trailerMs: 40 });
    assert.equal((await ask(client)).reply?.finishReason, "stop");
    assertWithin("the end", performance.now() - startedAt, 2_000, startedAt);
  });
});
