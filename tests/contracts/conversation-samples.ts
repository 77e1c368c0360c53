// What the storage suites say and store: conversations, turns and replies with ids of their own.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { ErrorCode } from "#app/core/errors.ts";
import { createToken, hashToken } from "#app/core/secrets.ts";
import type { MessageTurn, NewConversation, PersonaTurn, StoredMessage } from "#app/models/conversation.ts";
import type { Lease } from "#app/services/chatbot/run-lease.ts";
import type { Keepers } from "./storage-harness.ts";

const NOON = Date.UTC(2026, 10, 20, 12);

export function newConversation(changes: Partial<NewConversation> = {}): NewConversation {
  return {
    id: createToken(),
    tokenHash: hashToken(createToken()),
    persona: { kind: "persona", id: "ada" },
    createdAt: NOON,
    ...changes,
  };
}

export function messageTurn(content: string, id: string = randomUUID()): MessageTurn {
  const runId = randomUUID();
  return {
    type: "message",
    runId,
    message: { id, role: "user", content, createdAt: NOON, runId },
    cancelled: false,
  };
}

export function personaTurn(id: string): PersonaTurn {
  return { type: "persona", turnId: randomUUID(), persona: { kind: "object", id } };
}

export function replyTo(
  turn: MessageTurn,
  content: string,
  changes: Partial<StoredMessage> = {},
): StoredMessage {
  return {
    id: randomUUID(),
    role: "assistant",
    content,
    createdAt: NOON + 1_000,
    runId: turn.runId,
    persona: { kind: "persona", id: "ada" },
    source: "model",
    revision: "0123456789ab",
    ...changes,
  };
}

/** A stored conversation, with the lease of it. */
export async function openConversation(keepers: Keepers): Promise<{ id: string; lease: Lease }> {
  const { id } = newConversation();
  await keepers.store.create(newConversation({ id }));
  return { id, lease: await takeLease(keepers, id) };
}

export async function takeLease(keepers: Keepers, id: string): Promise<Lease> {
  const lease = await keepers.lease.acquire(id);
  assert.ok(lease, "the lease is free");
  return lease;
}

export function rejectsWith(code: ErrorCode, promise: Promise<unknown>): Promise<void> {
  return assert.rejects(promise, { name: "AppError", code });
}
