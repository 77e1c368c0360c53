// Pages of other origins: those of ALLOWED_ORIGINS may use a conversation and see who can be talked to; no other may.

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { ownPair } from "../support/conversation.ts";
import { ask, command, makeConversation, openStream, refusal } from "../support/event-stream-client.ts";
import { startApp } from "../support/running-app.ts";
import { createScriptedModel } from "../support/scripted-model.ts";
import { createSmallRegistry } from "../support/small-registry.ts";

const ALLOWED = "https://blog.example";
const FOREIGN = [
  "https://evil.example",
  "https://blog.example.evil.example",
  "http://blog.example",
  "https://blog.example:8443",
  "https://BLOG.example",
  "https://blog.example/",
  "null",
  "",
];

function start(t: TestContext, origins: string = `${ALLOWED},https://other.example`) {
  const parts = { model: createScriptedModel(), registry: createSmallRegistry() };
  return startApp(t, parts, { ALLOWED_ORIGINS: origins });
}

const PATHS = ["/personas", "/personas/ada", "/objects", "/objects/card"];

describe("a page of an allowed origin", () => {
  it("may read who can be talked to, and everything of its own conversation, errors too", async (t) => {
    const app = await start(t);
    const pair = ownPair();
    await makeConversation(app, pair);
    const headers = { origin: ALLOWED };
    const answers = [
      ...(await Promise.all(PATHS.map((path) => fetch(`${app.url}/api/v1${path}`, { headers })))),
      await ask(app, pair, "", { headers }),
      await ask(app, pair, "/messages", { headers }),
      await command(app, pair, { type: "message", text: "Hello" }, headers),
      await command(app, pair, "{", headers),
      await ask(app, ownPair(), "", { headers }),
      await ask(app, ownPair(), "/events", { headers }),
      await ask(app, pair, "", { headers, method: "DELETE" }),
    ];
    await makeConversation(app, pair);
    const stream = await openStream(t, app, pair, headers);
    for (const { headers: sent, url } of [...answers, { headers: stream.headers, url: "/events" }]) {
      assert.equal(sent.get("access-control-allow-origin"), ALLOWED, url);
      assert.equal(sent.get("access-control-allow-credentials"), null, url);
      assert.match(sent.get("access-control-expose-headers") ?? "", /retry-after/, url);
    }
    for (const { headers: sent, url } of answers) assert.match(sent.get("vary") ?? "", /Origin/, url);
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 200, 200, 200, 200, 200, 400, 404, 404, 204],
    );
  });

  it("may ask beforehand, for every address and method there is", async (t) => {
    const app = await start(t);
    const own = `/conversations/${"a".repeat(64)}`;
    for (const path of [...PATHS, own, `${own}/messages`, `${own}/events`, `${own}/commands`]) {
      const response = await fetch(`${app.url}/api/v1${path}`, {
        method: "OPTIONS",
        headers: {
          origin: ALLOWED,
          "access-control-request-method": "DELETE",
          "access-control-request-headers": "content-type,x-resume-token",
        },
      });
      assert.equal(response.status, 204, path);
      assert.equal(response.headers.get("access-control-allow-origin"), ALLOWED);
      assert.equal(response.headers.get("access-control-allow-methods"), "GET, POST, DELETE");
      const allowed = (response.headers.get("access-control-allow-headers") ?? "").split(", ");
      for (const name of ["content-type", "x-resume-token", "last-event-id"])
        assert.ok(allowed.includes(name));
      assert.equal(response.headers.get("access-control-allow-credentials"), null);
    }
  });
});

describe("a page of any other origin", () => {
  it("is refused every conversation, beforehand and then, and may read nothing that is public", async (t) => {
    const app = await start(t);
    const pair = ownPair();
    await makeConversation(app, pair);
    for (const origin of FOREIGN) {
      const headers = { origin };
      for (const path of PATHS) {
        const shown = await fetch(`${app.url}/api/v1${path}`, { headers });
        assert.equal(
          shown.headers.get("access-control-allow-origin"),
          null,
          "public, and kept by the browser",
        );
        assert.match(shown.headers.get("vary") ?? "", /Origin/);
      }
      const answers = [
        await fetch(`${app.url}/api/v1/personas`, { headers, method: "OPTIONS" }),
        await ask(app, pair, "", { headers, method: "OPTIONS" }),
        await ask(app, pair, "", { headers }),
        await ask(app, pair, "/events", { headers }),
        await command(app, pair, { type: "ping" }, headers),
        await ask(app, pair, "", { headers, method: "DELETE" }),
      ];
      for (const answer of answers) {
        assert.equal(answer.headers.get("access-control-allow-origin"), null);
        assert.deepEqual(await refusal(answer), [403, "origin_not_allowed"], `${origin} ${answer.url}`);
      }
    }
    assert.equal((await ask(app, pair, "")).status, 200, "it is still there");
  });

  it("is refused where no origin is named, but for the server's own pages", async (t) => {
    const app = await startApp(t, { model: createScriptedModel(), registry: createSmallRegistry() });
    const own = await fetch(`${app.url}/api/v1/personas`, { headers: { origin: app.url } });
    assert.deepEqual([own.status, own.headers.get("access-control-allow-origin")], [200, app.url]);
    const other = await ask(app, ownPair(), "", { headers: { origin: ALLOWED } });
    assert.deepEqual(await refusal(other), [403, "origin_not_allowed"]);
  });
});
