// Mounts the v1 routes: the one place that knows which endpoint families there are.

import type { FastifyInstance } from "fastify";
import { shareWithOrigins } from "#app/api/cors.ts";
import { AppError } from "#app/core/errors.ts";
import type { PersonaRegistry } from "#app/services/chatbot/persona-registry.ts";
import { type ChatReplyOptions, registerChatReply } from "./endpoints/chat-reply.ts";
import { type CircuitsEndpointOptions, registerCircuits } from "./endpoints/circuits.ts";
import { type ConversationsEndpointOptions, registerConversations } from "./endpoints/conversations.ts";
import { registerHealthStatus } from "./endpoints/health.ts";
import { type HealthDetailedOptions, registerHealthDetailed } from "./endpoints/health-detailed.ts";
import { type HealthDiagnosticsOptions, registerHealthDiagnostics } from "./endpoints/health-diagnostics.ts";
import { registerPersonas } from "./endpoints/personas.ts";

/** What is for operators. */
export type OperationsOptions = HealthDetailedOptions & HealthDiagnosticsOptions & CircuitsEndpointOptions;

export interface RouterOptions extends ChatReplyOptions, ConversationsEndpointOptions {
  readonly allowedOrigins: readonly string[];
  readonly operations: OperationsOptions;
  readonly registry: PersonaRegistry;
}

/** Everything below `/api/v1` but the WebSocket, whose upgrade the manager answers. */
export function registerV1(app: FastifyInstance, options: RouterOptions): void {
  void app.register(
    async (v1) => {
      // Fastify's own, which would hand text to a route that understands JSON only.
      v1.removeContentTypeParser("text/plain");
      registerShared(v1, options);
      registerChatReply(v1, options);
      registerHealthStatus(v1, options.operations.report);
      registerHealthDetailed(v1, options.operations);
      registerHealthDiagnostics(v1, options.operations);
      registerCircuits(v1, options.operations);
      v1.get("/chat/ws", () => {
        throw new AppError("invalid_frame", {
          message: "This address speaks WebSocket: send an upgrade request.",
        });
      });
    },
    { prefix: "/api/v1" },
  );
}

/** What pages of other origins may use. */
function registerShared(v1: FastifyInstance, options: RouterOptions): void {
  const { allowedOrigins, registry } = options;
  void v1.register(async (scope) => {
    const patterns = ["/personas", "/personas/:id", "/objects", "/objects/:id"];
    shareWithOrigins(scope, { allowedOrigins, patterns, isPublic: true });
    registerPersonas(scope, registry);
  });
  void v1.register(async (scope) => {
    const patterns = ["", "/messages", "/events", "/commands"].map((part) => `/conversations/:id${part}`);
    shareWithOrigins(scope, { allowedOrigins, patterns, isPublic: false });
    registerConversations(scope, options);
  });
}

/** Where the WebSocket is. */
export const CHAT_SOCKET_PATH = "/api/v1/chat/ws";
