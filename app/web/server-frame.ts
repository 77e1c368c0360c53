// The client's door: what comes over the socket is checked here once and is a closed union afterwards.
// Checked by hand, because a schema library would be most of the page's weight. What this version does not know is
// kept where it has a number (the number counts) and dropped where it has none: a newer server does no harm.

import type { ConnectionFrames, ConversationEvent, ShownMessage } from "#app/models/server-event.ts";
import { type Fields, fieldsOf, hasStrings, isObject, parseJson } from "./json-fields.ts";

export type ConnectionFrame = {
  [Name in keyof ConnectionFrames]: { readonly name: Name; readonly value: ConnectionFrames[Name] };
}[keyof ConnectionFrames];

export type ServerFrame =
  /** A numbered event; `event` is undefined where this version does not know its type. */
  | { readonly kind: "event"; readonly seq: number; readonly event: ConversationEvent | undefined }
  | { readonly kind: "snapshot"; readonly seq: number; readonly messages: readonly ShownMessage[] }
  /** The conversation is no more; the connection ends. */
  | { readonly kind: "erased" }
  | ({ readonly kind: "connection" } & ConnectionFrame);

type Check = (fields: Fields) => boolean;

/** A frame of the server, or undefined where it is none that this version knows. Never throws. */
export function parseServerFrame(text: string): ServerFrame | undefined {
  // A frame that nobody can read is dropped; a missing number is noticed by its successor.
  const frame = parseJson(text);
  if (!isObject(frame)) return undefined;
  if (frame.type === "CUSTOM" && frame.name === "conversation.erased") return { kind: "erased" };
  if (isPosition(frame.seq)) {
    const known = EVENTS[nameOf(frame)]?.(frame) ?? false;
    // Checked above: the fields that a reader of this event touches are there and have their types.
    return {
      kind: "event",
      seq: frame.seq,
      event: known ? (frame as unknown as ConversationEvent) : undefined,
    };
  }
  if (frame.type === "MESSAGES_SNAPSHOT") return toSnapshot(frame);
  const { name, value } = frame;
  if (frame.type !== "CUSTOM" || typeof name !== "string" || !isObject(value)) return undefined;
  if (!Object.hasOwn(CONNECTION_FRAMES, name) || !CONNECTION_FRAMES[name]?.(value)) return undefined;
  return { kind: "connection", name, value } as unknown as ServerFrame;
}

const EVENTS: Readonly<Record<string, Check | undefined>> = {
  RUN_STARTED: (event) =>
    hasStrings(event, "runId") && isUserInput(event.input) && isPersonaOf(event.metadata),
  TEXT_MESSAGE_START: (event) => hasStrings(event, "messageId"),
  TEXT_MESSAGE_CONTENT: (event) => hasStrings(event, "messageId", "delta"),
  TEXT_MESSAGE_END: (event) => hasStrings(event, "messageId") && isObject(event.metadata),
  RUN_FINISHED: (event) => hasStrings(event, "runId") && isObject(event.outcome),
  RUN_ERROR: (event) => hasStrings(event, "runId", "code", "message") && isObject(event.metadata),
  "message.accepted": ({ value }) => hasStrings(value, "messageId", "runId", "text"),
  "persona.changed": ({ value }) => isShownPersona(value),
  "conversation.edited": ({ value }) => hasStrings(value, "messageId") && Array.isArray(value.removed),
};

const CONNECTION_FRAMES: Readonly<Record<string, Check | undefined>> = {
  hello: ({ limits }) => typeof fieldsOf(limits).maxMessageChars === "number",
  joined: (value) =>
    hasStrings(value, "conversationId", "epoch") &&
    isPosition(value.lastSeq) &&
    isShownPersona(value.persona),
  accepted: (value) => hasStrings(value, "messageId", "runId", "state"),
  history: ({ messages }) => Array.isArray(messages) && messages.every(isShownMessage),
  "feedback.saved": (value) => hasStrings(value, "messageId", "rating"),
  typing: (value) => hasStrings(value, "connectionId", "state"),
  replayed: ({ lastSeq }) => isPosition(lastSeq),
  pong: () => true,
  draining: ({ reconnectInMs }) => isPosition(reconnectInMs),
  error: (value) => hasStrings(value, "code", "message"),
} satisfies Record<keyof ConnectionFrames, Check>;

/** The type of an event, and for `CUSTOM` its name. */
function nameOf(frame: Fields): string {
  const name = frame.type === "CUSTOM" ? frame.name : frame.type;
  return typeof name === "string" && Object.hasOwn(EVENTS, name) ? name : "";
}

function toSnapshot({ messages, metadata }: Fields): ServerFrame | undefined {
  const { seq } = fieldsOf(metadata);
  if (!isPosition(seq) || !Array.isArray(messages) || !messages.every(isShownMessage)) return undefined;
  return { kind: "snapshot", seq, messages };
}

function isShownMessage(value: unknown): value is ShownMessage {
  return hasStrings(value, "id", "role", "content");
}

function isShownPersona(value: unknown): boolean {
  return (
    hasStrings(value, "id", "kind", "name", "greeting") &&
    Array.isArray(value.suggestions) &&
    value.suggestions.every((suggestion) => typeof suggestion === "string")
  );
}

function isUserInput(input: unknown): boolean {
  const { messages } = fieldsOf(input);
  return Array.isArray(messages) && hasStrings(messages[0], "id", "content");
}

function isPersonaOf(metadata: unknown): boolean {
  return hasStrings(fieldsOf(metadata).persona, "id", "name");
}

function isPosition(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0;
}
