// A real SMTP server on a free port of this machine: it keeps what it is sent, refuses, or never says a word.

import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { SMTPServer } from "smtp-server";

export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  /** Headers and body, as they came. */
  readonly source: string;
}

export interface MailServer extends AsyncDisposable {
  readonly port: number;
  readonly mails: readonly ReceivedMail[];
  /** Users that signed in. */
  readonly users: readonly string[];
}

export interface MailServerOptions {
  /** The one who may sign in; without: anybody, without a name. */
  readonly login?: { readonly user: string; readonly password: string };
  /** Refuses every mail with a 5xx. */
  readonly refuses?: boolean;
}

export async function startMailServer({ login, refuses }: MailServerOptions = {}): Promise<MailServer> {
  const mails: ReceivedMail[] = [];
  const users: string[] = [];
  const server = new SMTPServer({
    disabledCommands: login ? ["STARTTLS"] : ["STARTTLS", "AUTH"],
    authOptional: login === undefined,
    onAuth({ username = "", password = "" }, _session, done) {
      if (username !== login?.user || password !== login.password) return done(new Error("no such user"));
      users.push(username);
      return done(null, { user: username });
    },
    onData(stream, session, done) {
      const { mailFrom, rcptTo } = session.envelope;
      let source = "";
      stream.setEncoding("utf8");
      stream.on("data", (part: string) => {
        source += part;
      });
      stream.once("error", done);
      stream.once("end", () => {
        if (refuses) return done(Object.assign(new Error("not today"), { responseCode: 550 }));
        const to = rcptTo.map(({ address }) => address);
        mails.push({ from: mailFrom ? mailFrom.address : "", to, source });
        return done();
      });
    },
  });
  // A client that leaves in the middle is what some tests are about.
  server.on("error", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server.server, "listening");
  const address = server.server.address();
  if (typeof address !== "object" || address === null) throw new Error("no port");
  return {
    port: address.port,
    mails,
    users,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** Accepts connections, and never says a word. */
export async function startSilentServer(): Promise<AsyncDisposable & { port: number; open: () => number }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("close", () => sockets.delete(socket));
    socket.resume();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no port");
  return {
    port: address.port,
    open: () => sockets.size,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
