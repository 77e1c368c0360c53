// What an edit is known by after the message has been edited again: its sender's name for it, and all that it says.

import { createHash } from "node:crypto";
import type { RevisionTurn } from "#app/models/conversation.ts";

/** 132 bits, 22 characters; undefined where no two copies of it can be told from two edits. */
export function editMarkOf({ isEdit, commandId, messageId, text }: RevisionTurn): string | undefined {
  if (!isEdit || commandId === undefined) return undefined;
  const hash = createHash("sha256").update(JSON.stringify([commandId, messageId, text]));
  return hash.digest("base64url").slice(0, 22);
}
