// The door of administration, over HTTP: every route behind it, every way to knock.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ADMIN_TOKEN, ask, assertHoldsNone, errorCodeOf, startWithAdmin } from "./administration.ts";

const ROUTES = [
  ["GET", "/health/detailed"],
  ["GET", "/health/metrics"],
  ["GET", "/health/diagnostics"],
  ["POST", "/health/test-endpoints"],
  ["POST", "/circuits/llm/reset"],
] as const;

describe("the door of administration", () => {
  it("stays shut on every route where no token is configured, and says what to set", async (t) => {
    const app = await startWithAdmin(t, {}, { ADMIN_TOKEN: "" });
    for (const [method, path] of ROUTES) {
      for (const authorization of [null, "Bearer ", "Bearer undefined", `Bearer ${ADMIN_TOKEN}`]) {
        const answer = await ask(app, path, { method, authorization });
        assert.deepEqual([answer.status, errorCodeOf(answer)], [403, "forbidden"], path);
        assert.match(answer.text, /set ADMIN_TOKEN/);
        assert.equal(answer.headers.get("cache-control"), "no-store");
      }
    }
  });

  for (const [method, path] of ROUTES) {
    it(`opens ${method} ${path} to the token, to nothing else, and no cache keeps it`, async (t) => {
      const app = await startWithAdmin(t);
      const wrong = [null, `Basic ${ADMIN_TOKEN}`, ADMIN_TOKEN, `Bearer ${ADMIN_TOKEN}x`, "Bearer "];
      for (const authorization of wrong) {
        const answer = await ask(app, path, { method, authorization });
        assert.deepEqual([answer.status, errorCodeOf(answer)], [401, "unauthorized"], String(authorization));
        assert.match(answer.headers.get("www-authenticate") ?? "", /^Bearer realm=/);
        assert.equal(answer.headers.get("cache-control"), "no-store");
        assertHoldsNone(answer, []);
      }
      for (const authorization of [`Bearer ${ADMIN_TOKEN}`, `bearer  ${ADMIN_TOKEN}`]) {
        const answer = await ask(app, path, { method, authorization });
        assert.equal(answer.status, 200);
        assert.equal(answer.headers.get("cache-control"), "no-store");
        assertHoldsNone(answer, []);
      }
      assert.doesNotMatch(JSON.stringify(app.log.lines), new RegExp(ADMIN_TOKEN));
    });
  }

  it("is before HEAD as well", async (t) => {
    const app = await startWithAdmin(t);
    const closed = await ask(app, "/health/detailed", { method: "HEAD", authorization: null });
    assert.equal(closed.status, 401);
    const open = await ask(app, "/health/detailed", { method: "HEAD" });
    assert.deepEqual([open.status, open.text, open.headers.get("cache-control")], [200, "", "no-store"]);
  });

  it("does not hear an address for a while after ten failures, not even with the token", async (t) => {
    const app = await startWithAdmin(t, {}, { TRUSTED_PROXIES: "127.0.0.1" });
    const from = (address: string) => ({ headers: { "x-forwarded-for": address } });
    for (let attempt = 0; attempt < 10; attempt += 1) {
      const { status } = await ask(app, "/health/detailed", {
        ...from("203.0.113.9"),
        authorization: "Bearer a",
      });
      assert.equal(status, 401);
    }
    const eleventh = await ask(app, "/health/detailed", {
      ...from("203.0.113.9"),
      authorization: "Bearer a",
    });
    assert.equal(eleventh.status, 429);
    const blocked = await ask(app, "/health/detailed", from("203.0.113.9"));
    assert.deepEqual([blocked.status, errorCodeOf(blocked)], [429, "rate_limited"]);
    assert.ok(Number(blocked.headers.get("retry-after")) >= 1);
    assert.equal((await ask(app, "/health/detailed", from("203.0.113.10"))).status, 200);
  });

  it("does not count the right token as a failure", async (t) => {
    const app = await startWithAdmin(t);
    for (let attempt = 0; attempt < 15; attempt += 1) {
      assert.equal((await ask(app, "/health/metrics")).status, 200);
    }
  });

  it("lets no page of another origin act, whatever it sends", async (t) => {
    const app = await startWithAdmin(t);
    const headers = { origin: "https://evil.example" };
    const answer = await ask(app, "/circuits/llm/reset", { method: "POST", headers });
    assert.deepEqual([answer.status, errorCodeOf(answer)], [403, "origin_not_allowed"]);
  });
});
