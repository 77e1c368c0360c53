// Where a server's endpoints are, from one base: the address of the host, or of its socket.
// A path before `/api` is kept, so that a server behind a prefix works.

import type { PersonaRef } from "#app/models/persona.ts";

export interface ServerAddresses {
  /** `ws:` or `wss:`. */
  readonly socket: string;
  /** What answers over HTTP for a socket that did not open: a persona's own address, or the list of them. */
  probe(persona: PersonaRef | undefined): string;
  conversation(id: string): string;
}

const SOCKET_PATH = "/api/v1/chat/ws";

/**
 * @param from `host`, such as `https://example.org`, or `url`, the whole address of the socket, which goes before it
 * @throws Error where neither is given, or what is given is no address of the web
 */
export function createAddresses(from: { readonly host?: string; readonly url?: string }): ServerAddresses {
  const given = new URL(from.url ?? from.host ?? "");
  const [, security] = /^(?:http|ws)(s?):$/.exec(given.protocol) ?? [];
  if (security === undefined) throw new Error(`${given.href} is no address of a server`);
  const path = from.url === undefined ? given.pathname : prefixOf(given.pathname);
  const host = `${given.host}${path.replace(/\/+$/, "")}`;
  const base = `http${security}://${host}/api/v1`;
  return {
    socket: from.url ?? `ws${security}://${host}${SOCKET_PATH}`,
    probe: (persona) => `${base}/${persona ? `${persona.kind}s/${persona.id}` : "personas"}`,
    conversation: (id) => `${base}/conversations/${id}`,
  };
}

/** What stands before the socket's own path; nothing before a path that is not ours. */
function prefixOf(path: string): string {
  return path.endsWith(SOCKET_PATH) ? path.slice(0, -SOCKET_PATH.length) : "";
}
