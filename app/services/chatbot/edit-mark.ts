// What an edit is known by after the message has been edited again: its sender's name for it, and all that it says.

import type { RevisionTurn } from "#app/models/conversation.ts";
import { digestOf } from "./text-digest.ts";

/** Undefined where no two copies of it can be told from two edits. */
export function editMarkOf({ isEdit, commandId, messageId, text }: RevisionTurn): string | undefined {
  if (!isEdit || commandId === undefined) return undefined;
  return digestOf(JSON.stringify([commandId, messageId, text]));
}
