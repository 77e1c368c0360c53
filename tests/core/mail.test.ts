// Mail over a real SMTP server: what arrives, what is refused, and that nobody waits for ever.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createMailer } from "#app/core/mail.ts";
import { startMailServer, startSilentServer } from "../support/mail-server.ts";
import { until } from "../support/until.ts";

const MAIL = {
  to: "ada@example.org",
  subject: "Parley: disk is bad",
  text: "Zehn MiB übrig.\nLook: df -h .",
};
const FROM = "parley@example.org";
const never = () => new AbortController().signal;

describe("a mailer", () => {
  test("delivers a plain-text mail", async () => {
    await using server = await startMailServer();
    await createMailer({ url: `smtp://127.0.0.1:${server.port}`, from: FROM }).send(MAIL, never());
    const [mail] = server.mails;
    assert.deepEqual([mail?.from, mail?.to], [FROM, ["ada@example.org"]]);
    assert.match(mail?.source ?? "", /^Subject: Parley: disk is bad\r$/m);
    assert.match(mail?.source ?? "", /^Content-Type: text\/plain; charset=utf-8/im);
    assert.match(mail?.source ?? "", /Look: df -h \./);
  });

  test("signs in with the name and the password of its address, decoded", async () => {
    const login = { user: "par ley", password: "p@ss/w%rd" };
    await using server = await startMailServer({ login });
    const { user, password } = login;
    const url = `smtp://${encodeURIComponent(user)}:${encodeURIComponent(password)}@127.0.0.1:${server.port}`;
    await createMailer({ url, from: FROM }).send(MAIL, never());
    assert.deepEqual([server.users, server.mails.length], [["par ley"], 1]);
  });

  test("rejects when the password is wrong, when the mail is refused, and when nobody is there", async () => {
    await using guarded = await startMailServer({ login: { user: "a", password: "b" } });
    await using grumpy = await startMailServer({ refuses: true });
    const gone = await startMailServer();
    await gone[Symbol.asyncDispose]();
    for (const url of [
      `smtp://a:wrong@127.0.0.1:${guarded.port}`,
      `smtp://127.0.0.1:${grumpy.port}`,
      `smtp://127.0.0.1:${gone.port}`,
    ]) {
      await assert.rejects(createMailer({ url, from: FROM }).send(MAIL, never()));
    }
    assert.equal(guarded.mails.length + grumpy.mails.length, 0);
  });

  test("lets no line break of a subject become a header", async () => {
    await using server = await startMailServer();
    const mailer = createMailer({ url: `smtp://127.0.0.1:${server.port}`, from: FROM });
    await mailer.send({ ...MAIL, subject: "a\r\nBcc: eve@example.org" }, never());
    assert.deepEqual(server.mails[0]?.to, ["ada@example.org"]);
    assert.doesNotMatch(server.mails[0]?.source ?? "", /^Bcc:/im);
  });

  test("reads no file for a mail and takes no setting from the address", async () => {
    await using server = await startMailServer();
    const url = `smtp://127.0.0.1:${server.port}/?disableFileAccess=false&connectionTimeout=1`;
    await createMailer({ url, from: FROM }).send(MAIL, never());
    assert.equal(server.mails.length, 1);
  });

  test("gives a server that never says a word up after its time", async () => {
    await using server = await startSilentServer();
    const mailer = createMailer({ url: `smtp://127.0.0.1:${server.port}`, from: FROM, stageMs: 100 });
    await assert.rejects(mailer.send(MAIL, never()), { code: "ETIMEDOUT" });
    await until("the connection is closed", () => server.open() === 0);
  });

  test("lets go of a server that never says a word when its signal aborts", async () => {
    await using server = await startSilentServer();
    const stop = new AbortController();
    const mailer = createMailer({ url: `smtp://127.0.0.1:${server.port}`, from: FROM, stageMs: 500 });
    const sent = assert.rejects(mailer.send(MAIL, stop.signal), { name: "AbortError" });
    await until("it is connected", () => server.open() === 1);
    stop.abort();
    await sent;
    await until("the connection is closed", () => server.open() === 0);
    await assert.rejects(mailer.send(MAIL, stop.signal), { name: "AbortError" });
  });
});
