// Carries a schedule of drops out on one conversation: two tabs that are cut off, and a witness that never is.
// Promises: no step waits for what the schedule does not cause; the end is whole, or throws.

import { settle } from "../support/settle.ts";
import type { Action, Step } from "./drop-schedule.ts";
import type { InstancePair, Place } from "./instance-pair.ts";
import type { ReplyAccount } from "./reply-account.ts";
import { RoamingTab } from "./roaming-tab.ts";

/** One that is answered and three that wait: a further one is always accepted. */
const MOST_AT_ONCE = 4;
const OPENING = ["Günaydın ", "😀 ", "nasılsın", "?"];

export class DropDrill {
  readonly #pair: InstancePair;
  readonly #account: ReplyAccount;
  readonly #witness: RoamingTab;
  readonly #tabs: readonly [RoamingTab, RoamingTab];
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
    await this.#account.settle(this.#witness, ...this.#tabs);
  }

  /** What is left to do when the tab is back. */
  async #act(tab: RoamingTab, action: Action): Promise<(() => Promise<void>) | undefined> {
    switch (action.type) {
      case "speak": {
        const script = this.#account.scripts(tab)[this.#account.answers(this.#witness)];
        for (let piece = 0; piece < action.pieces; piece += 1) script?.advance();
        return undefined;
      }
      case "say":
        return this.#say(tab, action);
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

  async #say(tab: RoamingTab, { isUnheard, pieces }: Action & { type: "say" }) {
    if (this.#openReplies >= MOST_AT_ONCE) await this.#answerAll(tab);
    const { question, messageId } = this.#account.prepare(tab, pieces);
    const say = async (): Promise<void> => {
      this.#lastRunId = (await tab.say(question, messageId)).runId;
    };
    if (!isUnheard) return say().then(() => undefined);
    tab.line.send({ type: "message", text: question, id: messageId });
    return say;
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

  async #answerAll(tab: RoamingTab): Promise<void> {
    this.#finish();
    await this.#witness.hears("every answer", () => this.#openReplies === 0);
    await tab.hasRead(this.#witness.position);
  }
}
