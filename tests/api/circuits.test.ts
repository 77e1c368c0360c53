// The circuit breakers over HTTP: what everybody may see, and what the operator may do.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { until } from "../support/until.ts";
import { ask, errorCodeOf, startWithAdmin } from "./administration.ts";

const CLOSED = ["llm", "fallback-llm", "redis", "mail"].map((name) => ({ name, state: "closed" }));

describe("circuits over HTTP", () => {
  it("are names and states for everybody, and nothing else", async (t) => {
    const app = await startWithAdmin(t);
    const answer = await ask(app, "/circuits", { authorization: null });
    assert.deepEqual([answer.status, answer.body], [200, { circuits: CLOSED }]);
    assert.equal(answer.headers.get("cache-control"), "no-store");
    const head = await ask(app, "/circuits", { authorization: null, method: "HEAD" });
    assert.deepEqual([head.status, head.text], [200, ""]);
  });

  it("are closed by hand: one that alerts have opened is closed again, and says so", async (t) => {
    const bad = ["a", "b", "c"].map((name) => ({ name, read: () => ({ isBad: true, finding: "bad" }) }));
    const app = await startWithAdmin(
      t,
      { healthChecks: bad },
      {
        HEALTH_CHECK_INTERVAL: "0.05",
        // Nobody is there.
        SMTP_URL: "smtp://127.0.0.1:1",
        ALERT_MAIL_TO: "owner@example.org",
        MAIL_FROM: "parley@example.org",
        MAIL_RETRY_MAX_ATTEMPTS: "1",
        MAIL_CIRCUIT_BREAKER_FAILURE_THRESHOLD: "3",
      },
    );
    await until("the circuit opens", () => app.log.named("circuit_breaker_opened").length === 1);
    const states = async () => Object(await ask(app, "/circuits", { authorization: null })).body.circuits;
    assert.deepEqual(await states(), [...CLOSED.slice(0, 3), { name: "mail", state: "open" }]);
    const answer = await ask(app, "/circuits/mail/reset", { method: "POST" });
    assert.deepEqual([answer.status, answer.body], [200, { name: "mail", state: "closed", failures: 0 }]);
    assert.deepEqual(await states(), CLOSED);
    assert.equal(app.log.named("circuit_breaker_reset")[0]?.fields.circuit, "mail");
  });

  for (const name of ["none", "LLM", "llm%20", "__proto__", "..%2f"]) {
    it(`know no circuit of the name ${name}`, async (t) => {
      const app = await startWithAdmin(t);
      const answer = await ask(app, `/circuits/${name}/reset`, { method: "POST" });
      assert.deepEqual([answer.status, errorCodeOf(answer)], [404, "route_not_found"]);
    });
  }

  it("are not reset by a GET", async (t) => {
    const app = await startWithAdmin(t);
    const answer = await ask(app, "/circuits/llm/reset");
    assert.deepEqual([answer.status, answer.headers.get("allow")], [405, "POST"]);
  });
});
