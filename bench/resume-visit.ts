// One visit of a visitor: to have a conversation, or to come back to one. Speaks Parley's protocol as the product's own
// client does, acknowledgements included. Promises: rejects unless every event came, once, in order, with its text.

import { randomBytes } from "node:crypto";
import { WebSocket } from "ws";
import { type ReplyScript, toQuestion } from "./reply-script.ts";

export interface KnownConversation {
  readonly conversationId: string;
  readonly resumeToken: string;
  readonly epoch: string;
  /** The numbered events, as they came; the first has the number 1. */
  readonly events: readonly string[];
  readonly text: string;
}

interface ServerFrame {
  readonly type: string;
  readonly seq?: number;
  readonly name?: string;
  readonly delta?: string;
  readonly value?: { readonly epoch?: string; readonly recovered?: boolean; readonly code?: string };
}

const ACK_EVENTS = 32;
const TIMEOUT_MS = 120_000;

/** Opens a conversation and reads one reply to its end. */
export async function converse(url: string, script: ReplyScript): Promise<KnownConversation> {
  const key = { conversationId: random(), resumeToken: random() };
  const events: string[] = [];
  let [epoch, text] = ["", ""];
  await visit(url, { type: "join", create: true, ...key }, (frame, raw, send) => {
    if (frame.name === "joined") {
      epoch = frame.value?.epoch ?? "";
      send({ type: "message", text: toQuestion(script) });
    }
    if (frame.seq !== undefined) events.push(raw);
    text += frame.delta ?? "";
    return frame.type === "RUN_FINISHED";
  });
  return { ...key, epoch, events, text };
}

/** Comes back with a position. Returns the milliseconds from the join to `replayed`. */
export async function resume(url: string, conversation: KnownConversation, after: number): Promise<number> {
  const { events, text: _, ...position } = conversation;
  let [next, replayedAt] = [after, 0];
  const joinedAt = await visit(url, { type: "join", ...position, after }, (frame, raw) => {
    if (frame.name === "joined" && frame.value?.recovered !== true) throw new Error("not recovered");
    if (frame.seq !== undefined) {
      if (raw !== events[next]) throw new Error(`event ${next + 1} was not what it had been`);
      next += 1;
    }
    if (frame.name === "replayed") replayedAt = performance.now();
    return replayedAt > 0;
  });
  if (next !== events.length) throw new Error(`${next} of ${events.length} events came`);
  return replayedAt - joinedAt;
}

type Listener = (frame: ServerFrame, raw: string, send: (frame: object) => void) => boolean;

/** Connects, joins, and listens until `hear` says that this was all. Returns when the join was sent. */
async function visit(url: string, join: object, hear: Listener): Promise<number> {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  const send = (frame: object): void => socket.send(JSON.stringify(frame));
  let joinedAt = 0;
  try {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("a visit hung")), TIMEOUT_MS);
      socket.once("close", (code) => {
        clearTimeout(timer);
        reject(new Error(`the socket was closed with ${code}`));
      });
      socket.once("error", reject);
      socket.on("message", (data: Buffer) => {
        try {
          const raw = data.toString();
          const frame: ServerFrame = JSON.parse(raw);
          if (frame.name === "error" || frame.type === "RUN_ERROR") throw new Error(raw);
          if (frame.name === "hello") {
            joinedAt = performance.now();
            send(join);
          }
          if (frame.seq !== undefined && frame.seq % ACK_EVENTS === 0) send({ type: "ack", seq: frame.seq });
          if (hear(frame, raw, send)) resolve();
        } catch (error) {
          reject(error);
        }
      });
    });
  } finally {
    socket.terminate();
  }
  return joinedAt;
}

function random(): string {
  return randomBytes(16).toString("base64url");
}
