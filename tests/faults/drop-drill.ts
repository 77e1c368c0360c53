// Carries a schedule of drops out on one conversation: two tabs that are cut off, and a witness that never is.
// Promises: no step waits for what the schedule does not cause; the end is whole, or throws.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { settle } from "../support/settle.ts";
import type { Action, Step } from "./drop-schedule.ts";
import type { InstancePair, Place } from "./instance-pair.ts";
import type { Entry, ReplyAccount } from "./reply-account.ts";
import { RoamingTab } from "./roaming-tab.ts";
import type { Story } from "./story.ts";

/** One that is answered and three that wait: a further one is always accepted. */
const MOST_AT_ONCE = 4;
const OPENING = ["Günaydın ", "😀 ", "nasılsın", "?"];

/** What is left to do when the tab is back. */
type Rest = (() => Promise<void>) | undefined;

export class DropDrill {
  readonly #pair: InstancePair;
  readonly #account: ReplyAccount;
  readonly #witness: RoamingTab;
  readonly #tabs: readonly [RoamingTab, RoamingTab];
  /** The questions that no revision has taken out of the history, as they were asked last, oldest first. */
  #kept: Entry[] = [];
  #lastRunId: string | undefined;

  private constructor(pair: InstancePair, account: ReplyAccount, tabs: readonly RoamingTab[]) {
    const [witness, first, second] = tabs;
    if (!witness || !first || !second) throw new Error("three tabs");
    this.#pair = pair;
    this.#account = account;
    this.#witness = witness;
    this.#tabs = [first, second];
  }

  static async open(pair: InstancePair, account: ReplyAccount): Promise<DropDrill> {
    const witness = await RoamingTab.open(pair.places[0]);
    const tabs = await Promise.all(pair.places.map((place) => RoamingTab.open(place, witness.pair)));
    return new DropDrill(pair, account, [witness, ...tabs]);
  }

  async carryOut({ action, moment, turns, broken, ...step }: Step): Promise<void> {
    const tab = this.#tabs[step.isSecondTab ? 1 : 0];
    const sayAgain = await this.#act(tab, action);
    await this.#reach(tab, moment, turns);
    const place: Place = this.#pair.places[step.place];
    for (const [index, { isJoined, turns: life }] of broken.entries()) {
      await tab.startBack(this.#pair.places[index % 2 === 0 ? 0 : 1], step);
      if (isJoined) await tab.hasJoined();
      await settle(life);
    }
    await tab.comeBack(place, step);
    await sayAgain?.();
  }

  /** Everything is said and held against everything else. */
  async end(): Promise<void> {
    const story = await this.#account.settle(this.#witness, ...this.#tabs);
    this.#assertKept(story);
  }

  async #act(tab: RoamingTab, action: Action): Promise<Rest> {
    switch (action.type) {
      case "speak":
        for (let piece = 0; piece < action.pieces; piece += 1) this.#speak();
        return undefined;
      case "say":
        return this.#say(tab, action);
      case "edit":
        return this.#edit(tab, action);
      case "regenerate":
        return this.#regenerate(tab, action);
      case "stop":
        this.#account.expectStop(tab);
        tab.line.send({ type: "stop", ...(action.what === "the last" && { runId: this.#lastRunId }) });
        return undefined;
      case "nothing":
        return undefined;
      default:
        return action satisfies never;
    }
  }

  /** The model says its next piece, of the reply that is open, or of the next one. */
  #speak(): void {
    const entries = this.#account.entriesOf(this.#witness);
    const { messageId: speaking, isOpen } = this.#witness.takenUp;
    const meant = isOpen ? entries.filter(({ messageId }) => messageId === speaking) : entries.slice(-1);
    for (const { script } of meant) script.advance();
  }

  async #say(tab: RoamingTab, { isUnheard, pieces }: Action & { type: "say" }): Promise<Rest> {
    await this.#makeRoom(tab);
    const entry = this.#account.prepare(tab, pieces);
    this.#kept.push(entry);
    return this.#ask(tab, entry, { type: "message", text: entry.question, id: entry.messageId }, isUnheard);
  }

  async #edit(tab: RoamingTab, { back, isUnheard, pieces }: Action & { type: "edit" }): Promise<Rest> {
    const meant = this.#kept.at(-1 - back) ?? this.#kept[0];
    if (!meant) return this.#say(tab, { type: "say", isUnheard, pieces });
    await this.#makeRoom(tab);
    const { messageId } = meant;
    const entry = this.#account.prepare(tab, pieces, messageId);
    this.#account.expectRevision(this.#witness);
    this.#keepUpTo(entry);
    return this.#ask(tab, entry, { type: "edit", messageId, text: entry.question }, isUnheard);
  }

  async #regenerate(tab: RoamingTab, { back, isNamed }: Action & { type: "regenerate" }): Promise<undefined> {
    await (isNamed ? this.#makeRoom(tab) : this.#answerAll(tab));
    // Without a name it is the one that was taken up last, since none waits.
    const meant = isNamed ? (this.#kept.at(-1 - back) ?? this.#kept[0]) : this.#takenUpLast;
    if (!meant) return;
    const entry = this.#account.repeat(meant);
    this.#account.expectRevision(this.#witness);
    const { messageId } = entry;
    const accepted = await tab.ask({ type: "regenerate", ...(isNamed && { messageId }) });
    assert.equal(accepted.messageId, messageId);
    // It waits already to be answered again: nothing more will be, and these words are left for a later time.
    if (accepted.duplicate) {
      entry.script.finish();
      return;
    }
    this.#account.add(entry);
    this.#keepUpTo(entry);
    entry.runId = accepted.runId;
    this.#lastRunId = accepted.runId;
  }

  /** Resolves when it was accepted; unheard, at once, and it is said again by what it resolves with. */
  async #ask(tab: RoamingTab, entry: Entry, frame: object, isUnheard: boolean): Promise<Rest> {
    // Under one name, however often it is said: a copy may come late, behind what was said after it.
    const named = { ...frame, commandId: randomUUID() };
    const ask = async (): Promise<void> => {
      entry.runId = (await tab.ask(named)).runId;
      this.#lastRunId = entry.runId;
    };
    if (!isUnheard) return ask().then(() => undefined);
    tab.line.send(named);
    return ask;
  }

  /** What followed it leaves the history, or may do so: it may not have been answered yet. */
  #keepUpTo(entry: Entry): void {
    const place = this.#kept.findIndex(({ messageId }) => messageId === entry.messageId);
    this.#kept = place < 0 ? [] : [...this.#kept.slice(0, place), entry];
  }

  get #takenUpLast(): Entry | undefined {
    const entries = this.#account.entriesOf(this.#witness);
    return entries.findLast(({ messageId }) => messageId === this.#witness.takenUp.messageId);
  }

  /** The moment at which the tab is to be cut off. */
  async #reach(tab: RoamingTab, moment: Step["moment"], turns: number): Promise<void> {
    if (moment === "between replies") await this.#answerAll(tab);
    if (moment === "at the end") this.#finish();
    // Where a reply is under way already, any moment is in the middle of it.
    if (moment === "mid-reply" && this.#openReplies === 0) {
      await tab.hasRead(this.#witness.position);
      const { length } = tab.picture.messages;
      await this.#say(tab, { type: "say", isUnheard: false, pieces: OPENING });
      // The question, and of the answer what the model says without being let go on.
      await tab.hears("the first words", () => (tab.picture.messages[length + 1]?.content ?? "") !== "");
    }
    await settle(turns);
  }

  get #openReplies(): number {
    return this.#account.scripts(this.#witness).length - this.#account.answers(this.#witness);
  }

  #finish(): void {
    for (const script of this.#account.scripts(this.#witness)) script.finish();
  }

  async #makeRoom(tab: RoamingTab): Promise<void> {
    if (this.#openReplies >= MOST_AT_ONCE) await this.#answerAll(tab);
  }

  async #answerAll(tab: RoamingTab): Promise<void> {
    this.#finish();
    await this.#witness.hears("every answer", () => this.#openReplies === 0);
    await tab.hasRead(this.#witness.position);
  }

  /** In their order, in the words of their last edit, each with the whole of its last answer behind it. */
  #assertKept({ runs }: Story): void {
    const { messages } = this.#witness.picture;
    let behind = -1;
    for (const { messageId, question, script, runId } of this.#kept) {
      const place = messages.findIndex(({ id }) => id === messageId);
      assert.ok(place > behind, `${messageId} stands where it was asked`);
      behind = place;
      assert.equal(messages[place]?.content, question);
      if (runs.find((run) => run.runId === runId)?.outcome !== "success") continue;
      assert.equal(messages[place + 1]?.content, script.text, `${messageId} has its last answer`);
    }
  }
}
