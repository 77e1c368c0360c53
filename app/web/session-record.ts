// What a page keeps so that a reload comes back: the conversation's secret, messages that were not accepted, and what
// is being typed. A tab that the browser copies from another one is in the same conversation, with the same ids.
// A storage that is full, forbidden or was written by somebody else is the same as an empty one.

import { fieldsOf, toText } from "./json-fields.ts";
import type { UnsentMessage } from "./transcript.ts";

/** `sessionStorage`, `localStorage` or anything like them. */
export interface TextStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

export interface SessionRecord {
  readonly conversationId: string;
  readonly resumeToken: string;
  /** The server has known the conversation. */
  readonly joined: boolean;
  readonly unsent: readonly UnsentMessage[];
  /** What the visitor has typed and not sent. */
  readonly draft: string;
}

const KEY = "parley.conversation.v1";
const SECRET = /^[A-Za-z0-9_-]{22,64}$/;

export function createRecord(): SessionRecord {
  return {
    conversationId: createSecret(),
    resumeToken: createSecret(),
    joined: false,
    unsent: [],
    draft: "",
  };
}

export function loadRecord(storage: TextStorage | undefined): SessionRecord | undefined {
  try {
    return parseRecord(JSON.parse(storage?.getItem(KEY) ?? "null"));
  } catch {
    // Not readable or not JSON: nothing to come back to.
    return undefined;
  }
}

export function saveRecord(storage: TextStorage | undefined, record: SessionRecord): void {
  try {
    storage?.setItem(KEY, JSON.stringify(record));
  } catch {
    // Private windows and full disks: the conversation lives as long as the page.
  }
}

/** 128 random bits, base64url without padding (RFC 4648, section 5). */
export function createSecret(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

function parseRecord(value: unknown): SessionRecord | undefined {
  const { conversationId, resumeToken, joined, unsent, draft } = fieldsOf(value);
  if (!isSecret(conversationId) || !isSecret(resumeToken) || !Array.isArray(unsent)) return undefined;
  return {
    conversationId,
    resumeToken,
    joined: joined === true,
    unsent: unsent.filter(isUnsent),
    draft: toText(draft) ?? "",
  };
}

function isSecret(value: unknown): value is string {
  return typeof value === "string" && SECRET.test(value);
}

function isUnsent(value: unknown): value is UnsentMessage {
  const { id, text } = fieldsOf(value);
  return isSecret(id) && typeof text === "string";
}
