// The connections to providers that are kept between two calls, for whoever calls one.

import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";

/** Below what load balancers in front of providers allow an idle connection (60 s and more). */
const IDLE_CONNECTION_MS = 50_000;
const AGENT_OPTIONS = { keepAlive: true, maxFreeSockets: 64, timeout: IDLE_CONNECTION_MS } as const;
const HTTP_AGENT = new HttpAgent(AGENT_OPTIONS);
const HTTPS_AGENT = new HttpsAgent(AGENT_OPTIONS);

export function keptConnections(url: URL): HttpAgent {
  return url.protocol === "https:" ? HTTPS_AGENT : HTTP_AGENT;
}
