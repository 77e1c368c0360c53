// The real process: how it starts, refuses to start, and stops.

import assert from "node:assert/strict";
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { z } from "zod";
import { Talk } from "./support/conversation.ts";
import { GOOD_PERSONA, writeDataFolder } from "./support/data-folder.ts";
import { say } from "./support/provider-chunks.ts";
import { KEY } from "./support/remote-request.ts";
import { type ChooseReply, startScriptableProvider } from "./support/scriptable-provider.ts";
import { openRefused, openSocket } from "./support/socket-client.ts";
import { until } from "./support/until.ts";
import { assertWireInvariants } from "./support/wire-invariants.ts";

const ROOT = join(import.meta.dirname, "..");
const lineSchema = z.looseObject({ event: z.string() });
type LogLine = z.output<typeof lineSchema>;

const ANSWER = ["I do not know, ", "and I will not pretend that I do.\n\n- Ask at the pump."];

/** The server in a process of its own. */
class ServerProcess {
  readonly child: ChildProcessWithoutNullStreams;
  readonly lines: LogLine[] = [];
  errors = "";
  exitCode: number | null | undefined;

  constructor(env: Record<string, string>, command: readonly string[] = [process.execPath, "app/main.ts"]) {
    const { PATH = "", HOME = "" } = process.env;
    const settings = { PATH, HOME, HOST: "127.0.0.1", PORT: "0", ENVIRONMENT: "test", ...env };
    const [program = "", ...args] = command;
    this.child = spawn(program, args, { cwd: ROOT, env: settings });
    let rest = "";
    this.child.stdout.on("data", (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.lines.push(lineSchema.parse(JSON.parse(line)));
    });
    this.child.stderr.on("data", (chunk: Buffer) => {
      this.errors += chunk.toString();
    });
    this.child.once("close", (code) => {
      this.exitCode = code;
    });
  }

  line(event: string): LogLine | undefined {
    return this.lines.find((line) => line.event === event);
  }

  async ready(): Promise<string> {
    await until(
      "ready",
      () => this.line("application_ready") !== undefined || this.exitCode !== undefined,
      60_000,
    );
    const { url } = z.object({ url: z.url() }).parse(this.line("application_ready"), {
      error: () => `not ready: ${this.errors}`,
    });
    return url;
  }

  /** Waits for its end; a process that does not end is a failure. */
  async exit(): Promise<number | null> {
    await until("the process's end", () => this.exitCode !== undefined, 60_000);
    return this.exitCode ?? null;
  }
}

function start(t: TestContext, env: Record<string, string> = {}, command?: readonly string[]): ServerProcess {
  const server = new ServerProcess(env, command);
  t.after(async () => {
    if (server.exitCode !== undefined) return;
    server.child.kill("SIGKILL");
    await once(server.child, "close");
  });
  return server;
}

async function connect(url: string): Promise<Talk> {
  return new Talk(await openSocket(`${url.replace("http", "ws")}api/v1/chat/ws`));
}

/** Every answer is held in its midst until then: what is asked of the server meanwhile is asked while it drains. */
function answerWhen(goesOn: Promise<void>): ChooseReply {
  const [begun, rest] = ANSWER.map(say.content);
  return () => ({ steps: [say.ROLE, begun ?? "", { until: goesOn }, rest ?? "", say.STOP, say.DONE] });
}

describe("npm start", () => {
  // A shell between npm and node would take the signal for itself and leave the server running.
  it("hands a signal on: the server drains and is gone", async (t) => {
    const server = start(t, {}, ["npm", "start", "--silent"]);
    const url = await server.ready();
    server.child.kill("SIGTERM");
    await server.exit();
    assert.ok(server.line("application_stopped"), "it did not drain");
    await assert.rejects(fetch(url));
  });
});

describe("the process", () => {
  it("refuses a broken environment with 78 and names every problem, and no value", async (t) => {
    const server = start(t, { PORT: "70000", LOG_LEVEL: "secret-value", WS_COMPRESSION: "perhaps" });
    assert.equal(await server.exit(), 78);
    for (const variable of ["PORT", "LOG_LEVEL", "WS_COMPRESSION"])
      assert.match(server.errors, RegExp(variable));
    assert.doesNotMatch(server.errors, /secret-value|70000|\bat \w+ \(/);
  });

  it("refuses a broken main persona with 78, by file, line and column", async (t) => {
    const broken = GOOD_PERSONA.replace("languages: [en, tr]", "languages: [en, tr");
    const dataDir = await writeDataFolder(t, { "persona.md": broken });
    const server = start(t, { DATA_DIR: dataDir });
    assert.equal(await server.exit(), 78);
    assert.match(server.errors, /persona\.md:\d+:\d+: error \[/);
    assert.doesNotMatch(server.errors, /\bat \w+ \(/);
  });

  it("refuses a folder without a persona with 78", async (t) => {
    const dataDir = await writeDataFolder(t, { "readme.txt": "nothing here" });
    const server = start(t, { DATA_DIR: dataDir });
    assert.equal(await server.exit(), 78);
    assert.match(server.errors, /persona\.md/);
  });

  it("starts without a persona that is broken, says so, and is degraded", async (t) => {
    const dataDir = await writeDataFolder(t, {
      "persona.md": GOOD_PERSONA,
      "personas/broken.md": "---\nname: [\n---\n",
    });
    const server = start(t, { DATA_DIR: dataDir });
    const url = await server.ready();
    assert.partialDeepStrictEqual(await (await fetch(`${url}health`)).json(), { status: "degraded" });
    assert.match(String(server.line("persona_rejected")?.path), /broken\.md/);
    server.child.kill("SIGINT");
    assert.equal(await server.exit(), 0);
  });

  it("finishes what it is saying when it is told to stop, takes nobody new, and ends with 0", async (t) => {
    const goesOn = Promise.withResolvers<void>();
    await using provider = await startScriptableProvider(answerWhen(goesOn.promise));
    const server = start(t, {
      LLM_PROVIDER: "openai",
      OPENAI_API_KEY: KEY,
      OPENAI_BASE_URL: `${provider.origin}/v1`,
    });
    const url = await server.ready();
    const talk = await connect(url);
    const { runId } = await talk.say("What does a litre of diesel cost?");
    const waiting = await talk.say("And a litre of petrol in Ankara?");
    await talk.client.next(({ type }) => type === "TEXT_MESSAGE_CONTENT");
    server.child.kill("SIGTERM");
    await talk.custom("draining");
    server.child.kill("SIGTERM");
    server.child.kill("SIGINT");
    const refusal = await openRefused(`${url.replace("http", "ws")}api/v1/chat/ws`);
    assert.equal(refusal.status, 503);
    assert.equal((await fetch(`${url}health/ready`)).status, 503);
    goesOn.resolve();
    for (const each of [runId, waiting.runId]) {
      const run = await talk.run(each);
      assert.deepEqual([run.outcome, run.text], ["success", ANSWER.join("")]);
    }
    assert.equal((await talk.client.closed).code, 1012);
    assert.equal(await server.exit(), 0);
    assertWireInvariants(talk.client.frames);
    assert.equal(server.errors, "");
    assert.equal(server.lines.filter(({ event }) => event === "draining").length, 1);
    assert.ok(server.line("application_stopped"));
    assert.doesNotMatch(JSON.stringify(server.lines), /diesel|petrol|pretend/);
  });

  it("says with 1 that its port is taken, and what to do", async (t) => {
    const first = start(t);
    const { port } = new URL(await first.ready());
    const second = start(t, { PORT: port });
    assert.equal(await second.exit(), 1);
    assert.match(second.errors, /EADDRINUSE/);
  });
});
