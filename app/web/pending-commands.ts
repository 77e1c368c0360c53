// What a visitor has asked for and the server has not answered: it outlives a connection and is sent again on the next.
// Promises: in the order in which it was asked for; nothing before the message that it is about. What the events of the
// missed time show to have happened already is not asked for again: a second `regenerate` would throw a good reply away.

import type { ClientFrame } from "#app/models/client-frame.ts";
import { createSecret } from "./session-record.ts";
import type { ChatMessage, ConversationState } from "./transcript.ts";

export type Command =
  | { readonly type: "edit"; readonly messageId: string; readonly text: string }
  | { readonly type: "regenerate"; readonly messageId: string }
  | {
      readonly type: "feedback";
      readonly messageId: string;
      readonly rating: "up" | "down";
      readonly comment: string | undefined;
    }
  | { readonly type: "history"; readonly before: string; readonly limit: number };

interface Pending {
  readonly command: Command;
  /** Sent on the present connection. */
  isSent: boolean;
  /** The run that had answered the message when this was asked for. */
  readonly runId: string | undefined;
}

export class PendingCommands {
  readonly #send: (frame: ClientFrame) => boolean;
  readonly #pending = new Map<string, Pending>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(send: (frame: ClientFrame) => boolean) {
    this.#send = send;
  }

  /** An answer from the server is owed. */
  get isWaiting(): boolean {
    return [...this.#pending.values()].some(({ isSent }) => isSent);
  }

  /** Of the same kind about the same message only the newest counts. */
  add(command: Command, state: ConversationState): void {
    const subject = subjectOf(command);
    for (const [id, { command: other }] of this.#pending) {
      if (other.type === command.type && subjectOf(other) === subject) this.#pending.delete(id);
    }
    const runId = findMessage(state, subject)?.runId;
    // The server knows an edit that it gets twice by its name: no other page may have given it.
    this.#pending.set(createSecret(), { command, isSent: false, runId });
  }

  has(type: Command["type"]): boolean {
    return [...this.#pending.values()].some(({ command }) => command.type === type);
  }

  /** Sends what has not been sent on this connection; call it when the state has caught up with the log. */
  flush(state: ConversationState): void {
    if (this.#timer !== undefined) return;
    for (const [commandId, pending] of this.#pending) {
      if (pending.isSent) continue;
      if (isDone(pending, state)) {
        this.#pending.delete(commandId);
        continue;
      }
      if (state.unsent.some(({ id }) => id === subjectOf(pending.command))) return;
      pending.isSent = this.#send({ ...pending.command, commandId });
    }
  }

  /** The server has answered. @returns what it was, if it was one of these */
  settle(commandId: string | undefined): Command | undefined {
    if (commandId === undefined) return undefined;
    const { command } = this.#pending.get(commandId) ?? {};
    this.#pending.delete(commandId);
    return command;
  }

  /** The server cannot do it now: this one, and what was asked for after it, goes again after a while. */
  postpone(commandId: string, waitMs: number, then: () => void): boolean {
    const pending = this.#pending.get(commandId);
    if (!pending) return false;
    pending.isSent = false;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      then();
    }, waitMs);
    return true;
  }

  /** The log says that this message is asked again. */
  revised(messageId: string): void {
    this.#drop((command) => command.type === "regenerate" && command.messageId === messageId);
  }

  /** What was known has been replaced: a page before it would not fit. */
  replaced(): void {
    this.#drop((command) => command.type === "history");
  }

  /** The connection is gone, and with it every answer that was owed. */
  disconnected(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const pending of this.#pending.values()) pending.isSent = false;
  }

  /** The conversation is gone. */
  clear(): void {
    this.disconnected();
    this.#pending.clear();
  }

  #drop(isMeant: (command: Command) => boolean): void {
    for (const [id, { command }] of this.#pending) if (isMeant(command)) this.#pending.delete(id);
  }
}

function subjectOf(command: Command): string {
  return command.type === "history" ? command.before : command.messageId;
}

/**
 * An edit is done where its text stands; asked twice it is a duplicate to the server, too. A `regenerate` is done where
 * another run than the one at the time has taken the message up: the server knows a second one for a duplicate only
 * while the first waits.
 */
function isDone({ command, runId }: Pending, state: ConversationState): boolean {
  if (command.type !== "edit" && command.type !== "regenerate") return false;
  const message = findMessage(state, command.messageId);
  if (command.type === "edit") return message?.text === command.text;
  return message?.runId !== undefined && runId !== undefined && message.runId !== runId;
}

function findMessage({ messages, waiting }: ConversationState, id: string): ChatMessage | undefined {
  const found = [...messages, ...waiting].find((item) => item.id === id);
  return found?.type === "message" ? found : undefined;
}
