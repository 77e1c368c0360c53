// What health looks at: the parts of the running app, handed in once.

import type { Circuits } from "#app/core/circuits.ts";
import type { LlmConfig } from "#app/core/llm-config.ts";
import type { RedisConnection } from "#app/core/redis.ts";
import type { Conversations } from "#app/services/chatbot/conversations.ts";
import type { Knowledge } from "#app/services/chatbot/knowledge.ts";
import type { PersonaRegistry } from "#app/services/chatbot/persona-registry.ts";
import type { RunAdmission } from "#app/services/chatbot/run-admission.ts";

export interface HealthSources {
  readonly dataDir: string;
  readonly llm: LlmConfig;
  readonly maxConnections: number;
  readonly circuits: Circuits;
  readonly registry: PersonaRegistry;
  readonly knowledge: Knowledge;
  readonly conversations: Conversations;
  readonly admission: RunAdmission;
  /** Storage is less than what was asked for; `redis` is absent where none is configured. */
  readonly opened: { readonly isDegraded: boolean; readonly redis: RedisConnection | undefined };
  readonly connections: () => { readonly open: number; readonly peak: number };
}
