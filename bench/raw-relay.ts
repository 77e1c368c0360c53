// RAW, the yardstick: a ws server that reads the provider's stream with node:http and forwards each delta as one JSON
// frame. What Node can do at all; no numbering, log, limits, graph, deadlines or heartbeats.
// In: {"type":"message","text"}. Out: {"delta"} for each token, then {"done":true}, or {"failed"}.

import { Agent, request } from "node:http";
import { type WebSocket, WebSocketServer } from "ws";

const { PORT, OPENAI_BASE_URL, OPENAI_MODEL: model } = process.env;
const url = new URL(`${OPENAI_BASE_URL}/chat/completions`);
const agent = new Agent({ keepAlive: true, maxFreeSockets: 1024 });
const server = new WebSocketServer({ port: Number(PORT), host: "127.0.0.1", perMessageDeflate: false });

server.on("connection", (socket) => {
  socket.on("message", (data: Buffer) => {
    const frame: { text: string } = JSON.parse(data.toString());
    relay(socket, frame.text);
  });
});

function relay(socket: WebSocket, text: string): void {
  const body = JSON.stringify({ model, stream: true, messages: [{ role: "user", content: text }] });
  const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  const call = request(url, { method: "POST", agent, headers }, (response) => {
    response.setEncoding("utf8");
    let rest = "";
    response.on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line.startsWith("data: ")) forward(socket, line.slice(6));
    });
    response.once("end", () => socket.send(JSON.stringify({ done: true })));
    response.once("error", (error) => socket.send(JSON.stringify({ failed: error.message })));
  });
  call.once("error", (error) => socket.send(JSON.stringify({ failed: error.message })));
  call.end(body);
}

function forward(socket: WebSocket, data: string): void {
  if (data === "[DONE]") return;
  const chunk: { choices: { delta: { content?: string } }[] } = JSON.parse(data);
  const delta = chunk.choices[0]?.delta.content;
  if (delta) socket.send(JSON.stringify({ delta }));
}
