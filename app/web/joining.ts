// Opens the conversation on a connection, and says who shall answer in it. Goes on trying while the server wants it later.
// Does not decide what becomes of a conversation that the server no longer has.

import type { ClientFrame } from "#app/models/client-frame.ts";
import type { PersonaRef } from "#app/models/persona.ts";
import type { ClientStore } from "./client-store.ts";
import { createSecret } from "./session-record.ts";
import type { Problem } from "./transcript.ts";

export interface JoiningOptions {
  readonly store: ClientStore;
  /** False where the frame did not go out. */
  readonly send: (frame: ClientFrame) => boolean;
  readonly persona: PersonaRef | undefined;
  readonly locale: string | undefined;
  /** The server no longer has the conversation. */
  readonly onUnknown: () => void;
}

export const TRY_AGAIN_MS = 2_000;
const CHOICE = "persona";

export class Joining {
  readonly #options: JoiningOptions;
  locale: string | undefined;
  /** Chosen by the visitor and not yet confirmed by the server. */
  #wanted: PersonaRef | undefined;
  /** Names the latest join, so that the answer to an earlier one is not taken for it. */
  #joinId = "";
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: JoiningOptions) {
    this.#options = options;
    this.locale = options.locale;
    this.#wanted = options.store.isReturning ? undefined : options.persona;
  }

  /** Who is meant to answer, as far as that is known. */
  get persona(): PersonaRef | undefined {
    return this.#wanted ?? this.#options.store.state.persona;
  }

  join(): void {
    clearTimeout(this.#timer);
    this.#joinId = createSecret();
    const { record, state } = this.#options.store;
    const { conversationId, resumeToken, joined } = record;
    this.#options.send({
      type: "join",
      commandId: this.#joinId,
      conversationId,
      resumeToken,
      ...(joined ? {} : { create: true, ...(this.#wanted ? { [this.#wanted.kind]: this.#wanted.id } : {}) }),
      ...(joined && state.epoch !== undefined ? { epoch: state.epoch, after: state.seq } : {}),
      locale: this.locale,
    });
  }

  /** The server has opened it, and this is who answers there. */
  joined(persona: PersonaRef): void {
    const { store } = this.#options;
    if (!store.record.joined) store.save({ joined: true });
    if (this.#wanted && (this.#wanted.id !== persona.id || this.#wanted.kind !== persona.kind)) {
      this.#sendChoice();
    } else this.#wanted = undefined;
  }

  choose(persona: PersonaRef): void {
    this.#wanted = persona;
    if (this.#options.store.state.joined) this.#sendChoice();
  }

  /** The server has confirmed who answers, or never will. */
  chosen(): void {
    this.#wanted = undefined;
  }

  /** Keeps the partner over the beginning of another conversation. */
  keepPersona(): void {
    this.#wanted = this.#options.store.state.persona ?? this.#wanted ?? this.#options.persona;
  }

  /** True where the refusal was one of these; what is to be done about it has been done. */
  refused(commandId: string | undefined, problem: Problem): boolean {
    if (commandId === CHOICE) this.#wanted = undefined;
    if (commandId !== this.#joinId) return false;
    if (problem.code === "conversation_not_found") {
      this.#options.onUnknown();
      return true;
    }
    this.#options.store.apply({ type: "failed", problem });
    if (problem.code === "persona_not_found" && this.#wanted) {
      this.#wanted = undefined;
      this.join();
    } else this.#timer = setTimeout(() => this.join(), problem.retryAfterMs ?? TRY_AGAIN_MS);
    return true;
  }

  cancel(): void {
    clearTimeout(this.#timer);
  }

  #sendChoice(): void {
    if (!this.#wanted) return;
    this.#options.send({ type: "persona", commandId: CHOICE, [this.#wanted.kind]: this.#wanted.id });
  }
}
