// The one door of nodemailer: plain-text mail over SMTP.
// Promises: every stage has a deadline, after which its connection is closed; an abort ends the wait at once. Nothing but what is handed in gets into a mail:
// no file and no address is ever read for one. Does not try again: callers have policies.

import { createTransport } from "nodemailer";
import { untilAborted } from "./until-aborted.ts";

export interface Mail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

export interface MailerOptions {
  /** `smtp://` or `smtps://`, with user and password where needed; stands in no error and no log. */
  readonly url: string;
  readonly from: string;
  /** What connecting, greeting and each answer may take; 5 s by default. */
  readonly stageMs?: number;
}

export interface Mailer {
  /** Resolves when the server has taken it. Rejects with the signal's reason when that aborts. */
  send(mail: Mail, signal: AbortSignal): Promise<void>;
}

const STAGE_MS = 5_000;

/** One connection a mail: they are few, and one that is kept may be dead when it is needed. */
export function createMailer({ url, from, stageMs = STAGE_MS }: MailerOptions): Mailer {
  return {
    async send(mail, signal) {
      signal.throwIfAborted();
      const transport = createTransport({
        ...connectionOf(url),
        connectionTimeout: stageMs,
        greetingTimeout: stageMs,
        socketTimeout: stageMs,
        disableFileAccess: true,
        disableUrlAccess: true,
      });
      await untilAborted(transport.sendMail({ from, ...mail }), signal);
    },
  };
}

/** Taken apart here: a query in the URL would set any option of the library, its TLS checks too. */
function connectionOf(text: string) {
  const url = new URL(text);
  const secure = url.protocol === "smtps:";
  const user = decodeURIComponent(url.username);
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  return {
    host,
    port: Number(url.port || (secure ? 465 : 587)),
    secure,
    // A password leaves this machine only under TLS.
    requireTLS: user !== "" && !/^(?:localhost|127(?:\.\d+){3}|::1)$/.test(host),
    ...(user !== "" && { auth: { user, pass: decodeURIComponent(url.password) } }),
  };
}
