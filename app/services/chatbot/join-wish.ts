// What a join asks for: to come back or to begin, from where on, to whom, in which language.

import type { JoinFrame } from "#app/models/client-frame.ts";
import type { PersonaRef } from "#app/models/persona.ts";
import type { Position } from "./conversations.ts";

/** To a conversation that its client has been told of. */
export function isReturn(
  frame: JoinFrame,
): frame is JoinFrame & { conversationId: string; resumeToken: string } {
  return frame.conversationId !== undefined && frame.resumeToken !== undefined && !frame.create;
}

export function refOf(frame: {
  persona?: string | undefined;
  object?: string | undefined;
}): PersonaRef | undefined {
  if (frame.object !== undefined) return { kind: "object", id: frame.object };
  return frame.persona === undefined ? undefined : { kind: "persona", id: frame.persona };
}

/** The first part of a language tag: `tr` of `tr-TR`. */
export function languageOf(locale: string | undefined): string | undefined {
  return locale?.split("-")[0]?.toLowerCase();
}

/** Undefined where a snapshot is asked for. */
export function positionOf({ epoch, after }: JoinFrame): Position | undefined {
  return epoch === undefined || after === undefined ? undefined : { epoch, after };
}
