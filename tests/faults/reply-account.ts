// The account of a scenario of drops and resumes: which accepted messages were answered, how often, with which words.
// Promises: `settle` throws unless each was answered once, to the byte, and every tab has seen that; counts and prints.

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { PacedScript } from "../support/paced-model.ts";
import { parseFrame } from "../support/recorded-frames.ts";
import type { InstancePair, Place } from "./instance-pair.ts";
import { RawLine } from "./raw-line.ts";
import type { RoamingTab } from "./roaming-tab.ts";
import { type RunStory, Story } from "./story.ts";

const END = /^\{"type":"RUN_(?:FINISHED|ERROR)"/;

interface Entry {
  readonly conversationId: string;
  readonly messageId: string;
  readonly question: string;
  readonly script: PacedScript;
}

export class ReplyAccount {
  readonly #pair: InstancePair;
  readonly #figures = { accepted: 0, started: 0, finished: 0, stopped: 0, lost: 0, repeated: 0, resumes: 0 };
  readonly #entries: Entry[] = [];
  /** Conversations in which somebody asked to stop: from then on a reply may end early. */
  readonly #stopped = new Set<string>();

  constructor(pair: InstancePair) {
    this.#pair = pair;
  }

  get resumes(): number {
    return this.#figures.resumes;
  }

  /** The replies that were asked for in this tab's conversation, oldest first. */
  scripts(tab: RoamingTab): readonly PacedScript[] {
    return this.#entriesOf(tab).map(({ script }) => script);
  }

  /** Writes the reply down and gives the words that ask for it; whoever says them has to be accepted. */
  prepare(tab: RoamingTab, pieces: readonly string[]): Entry {
    const number = this.#entries.length + 1;
    const question = `Question ${number}`;
    const script = this.#pair.book.write(question, pieces);
    const entry = { conversationId: tab.pair.conversationId, messageId: `m-${number}`, question, script };
    this.#entries.push(entry);
    return entry;
  }

  async ask(tab: RoamingTab, pieces: readonly string[]): Promise<PacedScript> {
    const { question, messageId, script } = this.prepare(tab, pieces);
    await tab.say(question, messageId);
    return script;
  }

  /** From now on replies of this tab's conversation may end before they are whole. */
  expectStop({ pair }: RoamingTab): void {
    this.#stopped.add(pair.conversationId);
  }

  /** How many replies have ended, as far as this tab has read. */
  answers(tab: RoamingTab): number {
    return tab.row.values().reduce((count, text) => count + (END.test(text) ? 1 : 0), 0);
  }

  /** Lets everything be said, waits for its end, and holds every tab of the conversation against the whole row. */
  async settle(witness: RoamingTab, ...others: readonly RoamingTab[]): Promise<Story> {
    const entries = this.#entriesOf(witness);
    for (const { script } of entries) script.finish();
    await witness.hears("every answer", () => this.answers(witness) === entries.length);
    const tabs = [witness, ...others];
    const [row, ...rows] = await Promise.all(this.#pair.places.map((place) => readAll(place, witness)));
    assert.ok(row);
    for (const other of rows) assert.deepEqual(other, row, "both instances tell the same, to the byte");
    const story = tell(row);
    const history = await witness.history();
    for (const entry of entries) this.#judge(entry, story.runsOf(entry.messageId), history);
    for (const tab of tabs) {
      await tab.hasRead(row.length);
      await tab.line.isQuiet();
      assert.equal(tab.position, row.length, "nothing comes after the end");
      for (const [seq, text] of tab.row) assert.equal(text, row[seq - 1]);
      assert.deepEqual(tab.picture.messages, history, "a visitor sees what is stored");
      this.#figures.resumes += tab.resumes;
      tab.leave();
    }
    return story;
  }

  /** Prints the line of the table. */
  report(test: TestContext, scenario: string): void {
    const figures = Object.entries(this.#figures).map(([name, count]) => `${name} ${count}`);
    test.diagnostic(`${scenario}: ${figures.join(", ")}`);
  }

  #entriesOf({ pair }: RoamingTab): readonly Entry[] {
    return this.#entries.filter(({ conversationId }) => conversationId === pair.conversationId);
  }

  #judge(entry: Entry, runs: readonly RunStory[], history: readonly { id: string; content: string }[]): void {
    const figures = this.#figures;
    const outcomes = runs.map(({ outcome }) => outcome);
    const times = history.filter(({ id }) => id === entry.messageId).length;
    figures.accepted += 1;
    figures.started += runs.length > 0 ? 1 : 0;
    figures.finished += outcomes.includes("success") ? 1 : 0;
    figures.stopped += outcomes.includes("cancelled") ? 1 : 0;
    figures.lost += outcomes[0] === undefined || times === 0 ? 1 : 0;
    figures.repeated += runs.length > 1 || times > 1 ? 1 : 0;
    assert.deepEqual([runs.length, times], [1, 1], `${entry.messageId} was answered once, and stands once`);
    const { text = "" } = runs[0] ?? {};
    if (outcomes[0] === "success") assert.equal(text, entry.script.text);
    else {
      const mayStop = this.#stopped.has(entry.conversationId);
      assert.ok(mayStop && outcomes[0] === "cancelled", `${entry.messageId}: ${outcomes[0]}`);
      // A stop in the middle of an emoji leaves one replacement character where its half was.
      assert.ok(entry.script.text.startsWith(text.replace(/\uFFFD$/, "")), "what was said before the stop");
    }
  }
}

/** Every event from the first on, as a newcomer gets it that claims to have read nothing. */
async function readAll(place: Place, { pair, bookmark: { epoch } }: RoamingTab): Promise<readonly string[]> {
  const line = await RawLine.open(place);
  line.send({ type: "join", ...pair, epoch, after: 0 });
  await line.hears("replayed", () => line.named("replayed").length > 0);
  line.terminate();
  assert.equal(line.named("MESSAGES_SNAPSHOT").length, 0);
  return line.numbered;
}

/** Throws at a gap, a repeat, a second end. */
function tell(row: readonly string[]): Story {
  const story = new Story();
  for (const text of row) story.add(parseFrame(text));
  return story;
}
