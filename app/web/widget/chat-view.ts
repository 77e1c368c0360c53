// The whole chat of a widget in one language: its parts, and each change handed to those that show it. When the
// language or the settings change, another one takes its place; what was written stays in the drafts.

import { createElement } from "#app/web/element.ts";
import type { ConversationState } from "#app/web/transcript.ts";
import { ComposerView } from "./composer-view.ts";
import { ConversationMenu } from "./conversation-menu.ts";
import { HeaderView } from "./header-view.ts";
import { LogView } from "./log-view.ts";
import { NoticeView } from "./notice-view.ts";
import { Partners } from "./partners.ts";
import { Picker } from "./picker.ts";
import type { RowSources } from "./rows.ts";
import type { StorageScope } from "./scoped-storage.ts";
import type { ChatSession } from "./session.ts";
import type { WidgetSettings } from "./settings.ts";
import { SheetView } from "./sheet-view.ts";
import { VoiceView } from "./voice-view.ts";
import type { Locale, Words } from "./words.ts";

export interface ChatViewOptions {
  readonly session: ChatSession;
  readonly settings: WidgetSettings;
  readonly words: Words;
  readonly scope: StorageScope;
  readonly onLocale: (locale: Locale) => void;
  /** Undefined where there is nothing to close. */
  readonly onClose: (() => void) | undefined;
}

export class ChatView {
  readonly elements: readonly HTMLElement[];
  readonly #options: ChatViewOptions;
  readonly #partners: Partners;
  readonly #picker: Picker;
  readonly #voice = new VoiceView();
  readonly #header: HeaderView;
  readonly #menu: ConversationMenu;
  readonly #log: LogView;
  readonly #notice: NoticeView;
  readonly #composer: ComposerView;
  readonly #sheet: SheetView;
  #plannedDraw: number | undefined;

  constructor(options: ChatViewOptions) {
    this.#options = options;
    const { session, settings, words, scope, onClose } = options;
    const { client } = session;
    const main = createElement("div", { class: "main" });
    this.#partners = new Partners(settings.host, words.locale, () => this.#partnersChanged());
    this.#sheet = new SheetView(main, words);
    this.#picker = this.#createPicker();
    this.#menu = this.#createMenu();
    this.#header = new HeaderView({
      words,
      menu: this.#menu.element,
      heading: settings.heading,
      onSwitch: () => this.#openPicker(),
      onClose,
    });
    this.#log = this.#createLog();
    this.#notice = new NoticeView(
      words,
      () => client.wake(),
      (text) => this.#voice.say(text),
    );
    this.#composer = new ComposerView(words, scope.passing, {
      onSend: (text) => this.#say(text),
      onStop: () => client.stop(),
      onTyping: (isTyping) => client.setTyping(isTyping),
    });
    const foot = createElement("div", {
      class: "foot",
      children: [this.#notice.element, this.#composer.element],
    });
    main.append(this.#header.element, this.#log.element, foot);
    this.elements = [main, this.#sheet.element, this.#voice.element];
    void this.#partners.load();
    this.#drawNow();
  }

  /** Several changes that arrive together are drawn once. */
  draw(): void {
    // Not an animation frame in a hidden tab, which gets none: its voice and events should still go on.
    if (this.#plannedDraw !== undefined) return;
    const run = () => {
      this.#plannedDraw = undefined;
      this.#drawNow();
    };
    this.#plannedDraw = document.hidden ? setTimeout(run, 100) : requestAnimationFrame(run);
  }

  focus(): void {
    this.#composer.focus();
  }

  toEnd(): void {
    this.#log.toEnd();
  }

  /** The server does not want this page. */
  refuse(text: string): void {
    this.#notice.refuse(text);
  }

  /** Closes what lies on top; false where nothing did. */
  dismiss(): boolean {
    if (this.#menu.isOpen) this.#menu.close();
    else if (this.#sheet.isOpen) this.#sheet.close();
    else return false;
    return true;
  }

  pressed(path: readonly EventTarget[]): void {
    this.#menu.pressed(path);
  }

  release(): void {
    if (this.#plannedDraw !== undefined) {
      cancelAnimationFrame(this.#plannedDraw);
      clearTimeout(this.#plannedDraw);
      this.#plannedDraw = -1;
    }
    this.#partners.close();
    this.#log.release();
    this.#notice.release();
    this.#composer.release();
  }

  #createMenu(): ConversationMenu {
    const { session, words, onLocale } = this.#options;
    return new ConversationMenu({
      client: session.client,
      words,
      sheet: this.#sheet,
      onLocale,
      onAnew: () => this.#composer.focus(),
    });
  }

  #createPicker(): Picker {
    const { session, words } = this.#options;
    return new Picker({
      partners: this.#partners,
      words,
      present: () => session.state.persona,
      onPick: ({ kind, id }) => {
        this.#sheet.close(false);
        session.choose({ kind, id });
        this.#composer.focus();
      },
    });
  }

  #createLog(): LogView {
    const { client } = this.#options.session;
    return new LogView(this.#sources(), {
      edit: (messageId, text) => {
        client.edit(messageId, text);
        this.#composer.focus();
      },
      regenerate: (messageId) => {
        client.regenerate(messageId);
        this.#composer.focus();
      },
      rate: (messageId, rating, comment) => client.rate(messageId, rating, comment),
      takeBack: (text) => this.#composer.takeBack(text),
      announce: (text) => this.#voice.say(text),
      loadOlder: () => client.loadOlder(),
      ask: (question) => this.#say(question),
    });
  }

  #sources(): RowSources {
    const { words, settings } = this.#options;
    return { words, greeting: settings.greeting, nameOf: (persona) => this.#partners.find(persona)?.name };
  }

  #say(text: string): void {
    this.#options.session.client.send(text);
    this.#log.toEnd();
    this.#composer.focus();
  }

  #partnersChanged(): void {
    this.#log.know(this.#sources());
    this.#picker.redraw();
    this.draw();
  }

  #openPicker(): void {
    this.#sheet.open(this.#picker.open(), this.#header.switcher);
  }

  #drawNow(): void {
    const { state } = this.#options.session;
    this.#header.draw(state, this.#aboutOf(state));
    this.#menu.draw(state);
    this.#log.draw(state);
    this.#notice.draw(state);
    this.#composer.draw(state);
    this.#voice.draw(state);
  }

  #aboutOf({ persona }: ConversationState): string {
    return (persona && this.#partners.find(persona)?.description) ?? "";
  }
}
