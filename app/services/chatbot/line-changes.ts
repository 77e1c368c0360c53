// What a turn of the line can be beside an answer: another persona, a revision, a run whose producer died.
// Promises: each is logged first, then recorded, then shown; whoever finds it half done does it again.

import type { Logger } from "#app/core/logging.ts";
import type { Metrics } from "#app/core/metrics.ts";
import type { Conversation, MessageTurn, PersonaTurn, RevisionTurn } from "#app/models/conversation.ts";
import type { PersonaRef } from "#app/models/persona.ts";
import type { PersonaRegistry } from "./persona-registry.ts";
import { showPersona } from "./persona-view.ts";
import { findQuestion } from "./question.ts";
import type { StorageBundle } from "./storage-bundle.ts";
import { planTakeOver } from "./take-over.ts";
import type { Tenure } from "./tenure.ts";

export interface LineChange {
  readonly tenure: Tenure;
  readonly storage: StorageBundle;
  readonly registry: PersonaRegistry;
  readonly logger: Logger;
  readonly metrics?: Metrics | undefined;
  /** As it stood when the turn was taken from the line. */
  readonly conversation: Conversation;
}

/** Lets somebody else answer from now on; returns who. */
export async function changePersona(
  { tenure, registry, conversation }: LineChange,
  turn: PersonaTurn,
): Promise<PersonaRef> {
  const persona = registry.get(turn.persona) ?? registry.main();
  const ref: PersonaRef = { kind: persona.kind, id: persona.id };
  const value = showPersona(persona, conversation.locale);
  tenure.writer.conclude([{ type: "CUSTOM", name: "persona.changed", value }], (seq) => ({
    type: "persona-changed",
    turnId: turn.turnId,
    persona: ref,
    seq,
  }));
  await tenure.writer.settled();
  return ref;
}

/** Takes the message and what followed it out of the history, and puts it in line to be answered. */
export async function revise(
  { tenure, storage, conversation }: LineChange,
  turn: RevisionTurn,
): Promise<void> {
  const { messageId, runId, createdAt, cancelled, isEdit } = turn;
  // Not there any more where an earlier revision has removed it: then it is asked like a new one.
  const question = await findQuestion(storage.store, conversation.id, messageId);
  const removed = question?.followers ?? [];
  const content = isEdit ? turn.text : (question?.message.content ?? turn.text);
  const parentRunId = question?.message.runId;
  const by: MessageTurn = {
    type: "message",
    runId,
    cancelled,
    message: {
      ...{ id: messageId, role: "user", content, createdAt, runId },
      ...(parentRunId !== undefined && { parentRunId }),
    },
  };
  const value = { messageId, removed };
  tenure.writer.conclude([{ type: "CUSTOM", name: "conversation.edited", value }], (seq) => ({
    type: "revised",
    runId,
    by,
    removed,
    seq,
  }));
  await tenure.writer.settled();
}

/** A run that is under way though we have not begun it is one whose producer died. False where it can just begin. */
export async function takeOver(
  { tenure, storage, logger, metrics, conversation }: LineChange,
  turn: MessageTurn,
): Promise<boolean> {
  const plan = await planTakeOver(conversation, turn, storage.log);
  if (!plan) return false;
  logger.warn({ runId: turn.runId, successorId: plan.successorId }, "run_taken_over");
  metrics?.count("takeovers_total");
  tenure.writer.holdFloor(conversation.seq + 1);
  tenure.writer.conclude(plan.events, plan.change);
  await tenure.writer.settled();
  tenure.writer.releaseFloor();
  return true;
}

/** This instance stops in the midst of a reply: it ends the run itself, and leaves the message to the next one. */
export async function handOver(
  { tenure, storage, logger, conversation }: LineChange,
  turn: MessageTurn,
): Promise<void> {
  // Without the storage nobody can be told; the next one finds the run as a dead one's.
  const plan = tenure.writer.detached ? undefined : await planTakeOver(conversation, turn, storage.log, true);
  if (!plan) return;
  tenure.writer.conclude(plan.events, plan.change);
  await tenure.writer.settled();
  logger.info({ runId: turn.runId, successorId: plan.successorId }, "run_handed_over");
}
