// `npm run demo:kill`: two instances and a Redis; a reply streams into this terminal, the process that writes it is
// killed with SIGKILL, and the other one takes over. Promises: real processes and the real client library; it ends by
// itself within a minute, leaves no process behind, and exits 0 only if nothing was lost and nothing said twice.

import { setTimeout as pause } from "node:timers/promises";
import { type ChatClient, createChatClient } from "#app/web/client.ts";
import { loadRecord, type TextStorage } from "#app/web/session-record.ts";
import { openFrontDoor } from "./demo/front-door.ts";
import { createScreen, type Screen } from "./demo/screen.ts";
import { findRedisServer, type ServerProcess, startInstance, startRedis } from "./demo/server-process.ts";
import { startSlowModel } from "./demo/slow-model.ts";
import { judge, openWitness, shownHistory, type Verdict } from "./demo/witness.ts";

const QUESTION = "What does the mill do?";
const ANSWER =
  `The mill is the part of the Engine that works, as the store is the part that remembers. A number leaves
the store, is carried to the mill upon its axis, and there meets another; the mill adds them, or takes one from the
other, or multiplies, or divides, as the operation cards direct, and sends the result back to a place that the variable
cards have named. It does not know what its numbers mean: they may be distances, or tones, or the years of a life. That
is no want of its nature but the source of its reach, for whatever can be put into relations of quantity may pass
through it. And when it is stopped in the middle of its work, the cards are still there, and the work can be done
again.`.replaceAll("\n", " ");
const WORDS_PER_SECOND = 12;
const KILL_AFTER_WORDS = 40;
const DEADLINE_MS = 59_000;
const MISSING_REDIS = `The demonstration needs a redis-server, version 7 or later, on the PATH (or in REDIS_SERVER_PATH).
On Debian and Ubuntu: sudo apt-get install -y redis-server. On macOS: brew install redis.
`;

interface Stage {
  readonly screen: Screen;
  readonly doomed: ServerProcess;
  readonly survivor: ServerProcess;
  readonly client: ChatClient;
  readonly storage: TextStorage;
}

async function main(): Promise<number> {
  const redisServer = findRedisServer(process.env);
  if (redisServer === undefined) {
    process.stderr.write(MISSING_REDIS);
    return 1;
  }
  const screen = createScreen(process.stdout, process.env);
  screen.title("Parley: kill the process that is speaking");
  await using cleanUp = new AsyncDisposableStack();
  const stage = await setUp(screen, redisServer, cleanUp);
  const verdict = await play(stage);
  for (const problem of verdict.problems) screen.tell("✘", problem, "bad");
  return verdict.problems.length === 0 ? 0 : 1;
}

async function setUp(screen: Screen, redisServer: string, cleanUp: AsyncDisposableStack): Promise<Stage> {
  const model = cleanUp.use(await startSlowModel({ text: ANSWER, wordsPerSecond: WORDS_PER_SECOND }));
  const started = async (starting: Promise<ServerProcess>) =>
    cleanUp.adopt(await starting, async (server) => void (await server.end("SIGKILL")));
  const redis = await started(startRedis(redisServer));
  screen.tell("redis", `on port ${redis.port}`, "quiet");
  const env = {
    ENVIRONMENT: "test",
    REDIS_URL: `redis://127.0.0.1:${redis.port}`,
    LLM_PROVIDER: "openai",
    OPENAI_BASE_URL: model.baseUrl,
    OPENAI_MODEL: "slow",
  };
  const [doomed, survivor] = await Promise.all(
    (["A", "B"] as const).map((name) => started(startInstance(name, env))),
  );
  if (!doomed || !survivor) throw new Error("no instances");
  for (const { name, port, pid } of [doomed, survivor])
    screen.tell(name, `process ${pid}, on port ${port}`, "quiet");
  const door = cleanUp.use(await openFrontDoor([doomed.port, survivor.port]));
  const storage = createMemory();
  const url = `ws://127.0.0.1:${door.port}/api/v1/chat/ws?persona=engineer`;
  const client = cleanUp.adopt(createChatClient({ url, storage }), (open) => open.close());
  return { screen, doomed, survivor, client, storage };
}

/** The play itself, from the question to the judgement. */
async function play(stage: Stage): Promise<Verdict> {
  const { screen, doomed, survivor, client } = stage;
  await when(client, () => client.state.joined);
  const witness = await openSecondWindow(stage);
  screen.tell("visitor", "connected to A; a second window is open on B");
  screen.tell("visitor", `“${QUESTION}”`, "good");
  show(stage);
  client.send(QUESTION);
  await when(client, () => wordsOf(replyOf(client)?.text).length >= KILL_AFTER_WORDS);
  const firstRunId = client.state.run?.runId;
  // Looked for before the blow: the client may be back within milliseconds.
  const lost = when(client, () => client.state.link.status !== "online");
  await doomed.end("SIGKILL");
  screen.tell("A", `✘ kill -9 ${doomed.pid}, in the middle of a sentence`, "bad");
  await lost;
  screen.tell("visitor", "the line is dead; the client library comes back by itself");
  await when(client, () => client.state.joined);
  screen.tell("visitor", `back, on B, with everything up to event ${client.state.seq}`, "good");
  await waitForTakeOver(stage, firstRunId);
  screen.tell("B", "takes over: run_interrupted, and the same question in a new run", "good");
  await when(client, () => client.state.run === undefined && replyOf(client)?.state === "done");
  await when(client, () => witness.frames.some(({ type }) => type === "RUN_FINISHED"));
  witness.close();
  const newcomer = await openSecondWindow(stage);
  newcomer.close();
  screen.tell("B", `process ${survivor.pid} has finished the reply`, "quiet");
  return sumUp(stage, judge(witness.frames, ANSWER), shownHistory(newcomer.frames));
}

function sumUp({ screen, client }: Stage, verdict: Verdict, history: readonly string[]): Verdict {
  const problems = [...verdict.problems];
  const expected = [`user: ${QUESTION}`, `assistant: ${ANSWER}`];
  const visible = client.state.messages.map((item) =>
    item.type === "message" ? `${item.role}: ${item.text}` : "",
  );
  if (visible.join("\n") !== expected.join("\n")) problems.push("the visitor's window shows something else");
  if (history.join("\n") !== expected.join("\n"))
    problems.push("a window that opens now is shown something else");
  if (problems.length > 0) return { ...verdict, problems };
  const words = wordsOf(ANSWER).length;
  screen.tell("✔", `${words} of ${words} words, byte for byte: 0 lost, 0 repeated`, "good");
  screen.tell(
    "✔",
    `${verdict.events} events in the second window, numbered without a gap or a repeat`,
    "good",
  );
  screen.tell("✔", "a window that opens now is shown one question and one answer", "good");
  return verdict;
}

function openSecondWindow({ survivor, storage }: Stage) {
  const record = loadRecord(storage);
  if (!record) throw new Error("the client has stored nothing to come back with");
  return openWitness(`ws://127.0.0.1:${survivor.port}/api/v1/chat/ws`, record);
}

/** Speaks on the screen what the visitor's window gains, as it gains it. */
function show({ client, screen, doomed }: Stage): void {
  let shown = { id: "", length: 0 };
  client.on("change", () => {
    const reply = replyOf(client);
    if (!reply) return;
    if (reply.id !== shown.id) shown = { id: reply.id, length: 0 };
    if (reply.text.length > shown.length)
      screen.speak(doomed.isRunning ? "A" : "B", reply.text.slice(shown.length));
    shown.length = reply.text.length;
  });
}

/** Nobody but the holder of the lease may write; B may when it has run out, 10 s after A last renewed it. */
async function waitForTakeOver({ client, screen }: Stage, firstRunId: string | undefined): Promise<void> {
  const waiting = new AbortController();
  const count = async () => {
    for (let seconds = 1; ; seconds += 1) {
      await pause(1000, undefined, { signal: waiting.signal });
      screen.speak("lease", seconds === 1 ? "A’s runs out … 1 s " : `${seconds} s `);
    }
  };
  // Rejects when the waiting is over, and only then.
  void count().catch(() => undefined);
  const runId = () => client.state.run?.runId;
  await when(client, () => runId() !== undefined && runId() !== firstRunId).finally(() => waiting.abort());
}

/** Resolves as soon as the condition holds; looked at whenever something that is shown has changed. */
async function when(client: ChatClient, condition: () => boolean): Promise<void> {
  const held = Promise.withResolvers<void>();
  const look = () => {
    if (condition()) held.resolve();
  };
  const stop = client.on("change", look);
  // The second window is no part of the client: it is looked at now and then.
  const timer = setInterval(look, 50);
  look();
  await held.promise.finally(() => {
    stop();
    clearInterval(timer);
  });
}

/** The newest reply in the visitor's window. */
function replyOf({ state }: ChatClient) {
  const last = state.messages.findLast((item) => item.type === "message" && item.role === "assistant");
  return last?.type === "message" ? last : undefined;
}

function wordsOf(text = ""): string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}

function createMemory(): TextStorage {
  const kept = new Map<string, string>();
  return { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => void kept.set(key, value) };
}

// What still runs when this process ends is killed by its id: see server-process.ts.
setTimeout(() => {
  process.stderr.write(`\nNot finished after ${DEADLINE_MS / 1000} s.\n`);
  process.exit(1);
}, DEADLINE_MS).unref();
// Not once: a second Ctrl-C while the first is being obeyed would end it at once, and leave its servers behind.
process.on("SIGINT", () => process.exit(130)).on("SIGTERM", () => process.exit(143));
process.exitCode = await main();
