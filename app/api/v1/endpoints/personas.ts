// Who can be talked to: what a picker shows, never the prompt.

import type { FastifyInstance, FastifyRequest } from "fastify";
import { z } from "zod";
import { parseRequest } from "#app/api/request-body.ts";
import { AppError } from "#app/core/errors.ts";
import { localeSchema } from "#app/models/identifiers.ts";
import type { PersonaKind } from "#app/models/persona.ts";
import type { PersonaRegistry } from "#app/services/chatbot/persona-registry.ts";
import { listPersona } from "#app/services/chatbot/persona-view.ts";

const querySchema = z.object({ locale: localeSchema.optional() });

/** `GET /personas`, `/personas/{id}`, `/objects`, `/objects/{id}`; `?locale=` chooses the language of the texts. */
export function registerPersonas(app: FastifyInstance, registry: PersonaRegistry): void {
  registerKind(app, registry, "persona", "personas");
  registerKind(app, registry, "object", "objects");
}

function registerKind(
  app: FastifyInstance,
  registry: PersonaRegistry,
  kind: PersonaKind,
  plural: "personas" | "objects",
): void {
  app.get(`/${plural}`, (request, reply) => {
    void reply.header("Cache-Control", "no-cache").header("Vary", "Accept-Language");
    const locale = localeOf(request);
    return { [plural]: registry.list(kind).map((persona) => listPersona(persona, locale)) };
  });
  app.get<{ Params: { id: string } }>(`/${plural}/:id`, (request, reply) => {
    const persona = registry.get({ kind, id: request.params.id });
    if (!persona) throw new AppError("persona_not_found");
    void reply.header("Cache-Control", "no-cache").header("Vary", "Accept-Language");
    return listPersona(persona, localeOf(request));
  });
}

/** The query's locale, else the first language that the client's user prefers. */
function localeOf(request: FastifyRequest): string | undefined {
  const { locale } = parseRequest(querySchema, request.query);
  return locale ?? request.headers["accept-language"]?.match(/^[A-Za-z]{2,3}/)?.[0];
}
