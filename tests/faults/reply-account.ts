// The account of a scenario of drops and resumes: what was asked, edited and asked again, how often it was answered, with
// which words. Promises: `settle` throws unless each of them was answered in one run, to the byte, nothing else was, and
// every tab sees the history that the log tells of; counts and prints.

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { PacedScript } from "../support/paced-model.ts";
import { parseFrame } from "../support/recorded-frames.ts";
import type { InstancePair, Place } from "./instance-pair.ts";
import { Picture, type SeenMessage } from "./picture.ts";
import { RawLine } from "./raw-line.ts";
import { tellReplies } from "./reply-table.ts";
import type { RoamingTab } from "./roaming-tab.ts";
import { Story } from "./story.ts";

const END = /^\{"type":"RUN_(?:FINISHED|ERROR)"/;

/** One answer that was asked for: to something new, to an edit, or once more to the same. */
export interface Entry {
  readonly conversationId: string;
  readonly messageId: string;
  readonly question: string;
  readonly script: PacedScript;
  /** Known when it was accepted. */
  runId?: string;
  /** A later edit, or a later wish for another answer, was accepted before this one's end. */
  mayBreakOff?: boolean;
}

export class ReplyAccount {
  readonly #pair: InstancePair;
  readonly #figures = { accepted: 0, started: 0, finished: 0, stopped: 0, lost: 0, repeated: 0 };
  #resumes = 0;
  readonly #entries: Entry[] = [];
  /** Conversations in which somebody asked to stop: from then on a reply may end early. */
  readonly #stopped = new Set<string>();

  constructor(pair: InstancePair) {
    this.#pair = pair;
  }

  get resumes(): number {
    return this.#resumes;
  }

  /** How many of the answers were to an edit, or further ones to the same question. */
  get revised(): number {
    return this.#entries.length - new Set(this.#entries.map(({ messageId }) => messageId)).size;
  }

  /** The replies that were asked for in this tab's conversation, oldest first. */
  scripts(tab: RoamingTab): readonly PacedScript[] {
    return this.entriesOf(tab).map(({ script }) => script);
  }

  entriesOf({ pair }: RoamingTab): readonly Entry[] {
    return this.#entries.filter(({ conversationId }) => conversationId === pair.conversationId);
  }

  /** Writes the reply down and gives the words that ask for it; whoever says them has to be accepted. */
  prepare(tab: RoamingTab, pieces: readonly string[], messageId?: string): Entry {
    const number = this.#entries.length + 1;
    const question = `Question ${number}`;
    const script = this.#pair.book.write(question, pieces);
    const { conversationId } = tab.pair;
    const entry = { conversationId, messageId: messageId ?? `m-${number}`, question, script };
    this.#entries.push(entry);
    return entry;
  }

  /** The same question may be answered once more, in the same words; it is to be, once it is added. */
  repeat({ script: { pieces }, ...entry }: Entry): Entry {
    const { conversationId, messageId, question } = entry;
    return { conversationId, messageId, question, script: this.#pair.book.write(question, pieces) };
  }

  add(entry: Entry): void {
    this.#entries.push(entry);
  }

  /** What is open now may be broken off: something is edited, or is to be answered again. */
  expectRevision(tab: RoamingTab): void {
    const ended = [...tab.row.values()].filter((text) => END.test(text));
    for (const entry of this.entriesOf(tab)) {
      const { runId } = entry;
      if (runId === undefined || !ended.some((text) => text.includes(runId))) entry.mayBreakOff = true;
    }
  }

  async ask(tab: RoamingTab, pieces: readonly string[]): Promise<PacedScript> {
    const entry = this.prepare(tab, pieces);
    entry.runId = (await tab.say(entry.question, entry.messageId)).runId;
    return entry.script;
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
    const entries = this.entriesOf(witness);
    for (const { script } of entries) script.finish();
    await witness.hears("every answer", () => this.answers(witness) === entries.length);
    const tabs = [witness, ...others];
    const [row, ...rows] = await Promise.all(this.#pair.places.map((place) => readAll(place, witness)));
    assert.ok(row);
    for (const other of rows) assert.deepEqual(other, row, "both instances tell the same, to the byte");
    const { story, picture } = tell(row);
    const history = await witness.history();
    assert.deepEqual(picture.messages, history, "what is stored is what the log tells of");
    for (const entry of entries) this.#judge(entry, story, history);
    assert.equal(story.runs.length, entries.length, "nothing was answered that nobody asked");
    for (const tab of tabs) {
      await tab.hasRead(row.length);
      await tab.line.isQuiet();
      assert.equal(tab.position, row.length, "nothing comes after the end");
      for (const [seq, text] of tab.row) assert.equal(text, row[seq - 1]);
      assert.deepEqual(tab.picture.messages, history, "a visitor sees what is stored");
      this.#resumes += tab.resumes;
      tab.leave();
    }
    return story;
  }

  /** Prints the line of the table, and how often somebody came back. */
  report(test: TestContext, scenario: string): void {
    const { accepted, stopped, ...counts } = this.#figures;
    const note = stopped > 0 ? `${stopped} broken off by their visitors` : undefined;
    tellReplies(test, scenario, { ...counts, again: 0 }, note);
    test.diagnostic(
      `${scenario}: accepted ${accepted}, ${this.revised} of them edits or further answers, resumes ${this.#resumes}`,
    );
  }

  #judge(entry: Entry, story: Story, history: readonly SeenMessage[]): void {
    const figures = this.#figures;
    const runs = story.runs.filter(({ runId }) => runId === entry.runId);
    const outcomes = runs.map(({ outcome }) => outcome);
    const isRemoved = story.removed.includes(entry.messageId);
    const times = history.filter(({ id }) => id === entry.messageId).length;
    figures.accepted += 1;
    figures.started += runs.length > 0 ? 1 : 0;
    figures.finished += outcomes.includes("success") ? 1 : 0;
    figures.stopped += outcomes.includes("cancelled") ? 1 : 0;
    figures.lost += outcomes[0] === undefined || (times === 0 && !isRemoved) ? 1 : 0;
    figures.repeated += runs.length > 1 || times > 1 ? 1 : 0;
    const what = `${entry.messageId}, ${entry.question}, run ${entry.runId}`;
    assert.equal(runs.length, 1, `${what} was answered once`);
    assert.ok(times === 1 || (times === 0 && isRemoved), `${what} stands ${times} times`);
    const { text = "", messageId } = runs[0] ?? {};
    assert.equal(messageId, entry.messageId);
    if (outcomes[0] === "success") assert.equal(text, entry.script.text);
    else {
      const mayStop = entry.mayBreakOff || this.#stopped.has(entry.conversationId);
      assert.ok(mayStop && outcomes[0] === "cancelled", `${what}: ${outcomes[0]}`);
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

/** Throws at a gap, a repeat, a second end, a message that begins twice. */
function tell(row: readonly string[]): { readonly story: Story; readonly picture: Picture } {
  const [story, picture] = [new Story(), new Picture()];
  for (const text of row) {
    const frame = parseFrame(text);
    story.add(frame);
    picture.add(frame);
  }
  return { story, picture };
}
