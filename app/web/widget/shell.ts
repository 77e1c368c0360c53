// What holds the chat on the page: the button in the corner, the frame that opens, its theme, language and focus.
// The chat itself is made at the first opening and stays, connected, until the element leaves the page.

import type { PersonaRef } from "#app/models/persona.ts";
import { createElement } from "#app/web/element.ts";
import { ChatView } from "./chat-view.ts";
import { focusedIn, keepFocusWithin } from "./focus-trap.ts";
import { isPageRefused } from "./host-verdict.ts";
import { LauncherView } from "./launcher-view.ts";
import { type StorageScope, takeScope } from "./scoped-storage.ts";
import { followSeenArea } from "./seen-area.ts";
import { ChatSession } from "./session.ts";
import type { WidgetSettings } from "./settings.ts";
import { ThemeKeeper } from "./theme-keeper.ts";
import type { WidgetEvent } from "./widget-events.ts";
import { createWords, type Locale, type Words } from "./words.ts";

export interface ShellEvents {
  readonly onEvent: (event: WidgetEvent) => void;
  readonly onOpenChange: (isOpen: boolean) => void;
}

const OPEN = "open";
const PHONE = "(max-width: 520px)";

export class Shell {
  readonly #events: ShellEvents;
  readonly #box = createElement("div", { class: "parley" });
  readonly #frame = createElement("section", {
    class: "frame",
    attributes: { part: "frame", tabindex: "-1" },
  });
  readonly #launcher: LauncherView;
  readonly #theme: ThemeKeeper;
  readonly #phone = matchMedia(PHONE);
  readonly #released = new AbortController();
  #settings: WidgetSettings;
  #words: Words;
  /** The visitor's own choice in the menu; the page's next one replaces it. */
  #chosenLocale: Locale | undefined;
  #scope: StorageScope;
  #session: ChatSession | undefined;
  #view: ChatView | undefined;
  #isOpen = false;
  #isAsking = false;
  #returnTo: Element | null = null;

  constructor(root: ShadowRoot, settings: WidgetSettings, events: ShellEvents) {
    this.#events = events;
    this.#settings = settings;
    this.#words = createWords(settings.locale);
    this.#scope = takeScope(settings.host, settings.partner);
    this.#launcher = new LauncherView(() => (this.#isOpen ? this.close() : this.open()));
    this.#frame.hidden = true;
    this.#box.append(this.#frame, this.#launcher.element);
    root.replaceChildren(this.#box);
    const { signal } = this.#released;
    this.#theme = new ThemeKeeper(this.#box, signal);
    followSeenArea(this.#box, signal);
    this.#box.addEventListener("keydown", (event) => this.#pressed(event), { signal });
    document.addEventListener("pointerdown", (event) => this.#view?.pressed(event.composedPath()), {
      signal,
    });
    this.#phone.addEventListener("change", () => this.#drawFrame(), { signal });
    this.#drawFrame();
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** The conversation; made, and connected, where it is not yet. */
  get session(): ChatSession {
    this.#session ??= this.#createSession();
    return this.#session;
  }

  /**
   * What the visitor left open or closed before a reload counts for more than how the page begins.
   * @returns whether it is open now
   */
  begin(isOpen: boolean): boolean {
    const left = this.#scope.passing.getItem(OPEN);
    const { mode } = this.#settings;
    if (mode !== "full" && (left === null ? !isOpen : left !== "yes")) return false;
    this.#setOpen(true);
    if (mode !== "full") this.#events.onOpenChange(true);
    return true;
  }

  open(): void {
    if (this.#isOpen) return;
    this.#returnTo = document.activeElement;
    this.#setOpen(true);
    this.#view?.toEnd();
    // On a phone the keyboard would cover the greeting.
    if (matchMedia("(pointer: coarse)").matches) this.#frame.focus({ preventScroll: true });
    else this.#view?.focus();
    this.#events.onOpenChange(true);
  }

  /** The focus goes back first, so that the page, when it hears of it, may put it elsewhere. */
  close(): void {
    if (!this.#isOpen || this.#settings.mode === "full") return;
    const hadFocus = this.#frame.contains(focusedIn(this.#box));
    this.#setOpen(false);
    if (hadFocus && this.#settings.mode === "bubble") this.#launcher.element.focus();
    else if (hadFocus && this.#returnTo instanceof HTMLElement) this.#returnTo.focus();
    this.#events.onOpenChange(false);
  }

  choose(partner: PersonaRef): void {
    this.session.choose(partner);
  }

  update(settings: WidgetSettings): void {
    const before = this.#settings;
    this.#settings = settings;
    if (settings.host !== before.host) this.#restart();
    if (settings.locale !== before.locale) this.#chosenLocale = undefined;
    const locale = this.#chosenLocale ?? settings.locale;
    const { partner } = settings;
    if (partner && JSON.stringify(partner) !== JSON.stringify(before.partner)) this.#session?.choose(partner);
    if (locale !== this.#words.locale) this.#speak(locale);
    else if (this.#view) this.#showChat();
    if (settings.mode === "full" && !this.#isOpen) this.#setOpen(true);
    this.#drawFrame();
  }

  release(): void {
    this.#released.abort();
    this.#view?.release();
    this.#session?.close();
    this.#scope.release();
  }

  #createSession(): ChatSession {
    const { host, partner } = this.#settings;
    return new ChatSession({
      host,
      partner,
      locale: this.#words.locale,
      scope: this.#scope,
      onChange: ({ link, opening }) => {
        this.#view?.draw();
        if (link.status === "waiting" && !opening) void this.#askWhetherWelcome();
      },
      onEvent: (event) => {
        if (event.type === "reply" && !this.#isOpen) {
          this.#launcher.markUnread();
          this.#drawFrame();
        }
        this.#events.onEvent(event);
      },
    });
  }

  /** Never rejects. Asked where no conversation has come about: a browser hides from a page why it is not answered. */
  async #askWhetherWelcome(): Promise<void> {
    const session = this.#session;
    if (this.#isAsking || !session) return;
    this.#isAsking = true;
    const isRefused = await isPageRefused(this.#settings.host);
    this.#isAsking = false;
    if (!isRefused || session !== this.#session) return;
    session.close();
    const message = this.#words.say("notAllowed", { origin: location.origin });
    this.#view?.refuse(message);
    this.#events.onEvent({ type: "error", detail: { code: "origin_not_allowed", message } });
  }

  #restart(): void {
    this.#view?.release();
    this.#view = undefined;
    this.#session?.close();
    this.#session = undefined;
    this.#scope.release();
    this.#scope = takeScope(this.#settings.host, this.#settings.partner);
    if (this.#isOpen) this.#showChat();
  }

  #speak(locale: Locale): void {
    this.#words = createWords(locale);
    this.#session?.setLocale(locale);
    if (this.#view) this.#showChat();
    this.#drawFrame();
  }

  #showChat(): void {
    const hadFocus = this.#frame.contains(focusedIn(this.#box));
    this.#view?.release();
    const { mode } = this.#settings;
    this.#view = new ChatView({
      session: this.session,
      settings: this.#settings,
      words: this.#words,
      scope: this.#scope,
      onLocale: (locale) => {
        this.#chosenLocale = locale;
        this.#speak(locale);
      },
      onClose: mode === "full" ? undefined : () => this.close(),
    });
    this.#frame.replaceChildren(...this.#view.elements);
    this.#view.toEnd();
    if (hadFocus) this.#view.focus();
  }

  #setOpen(isOpen: boolean): void {
    this.#isOpen = isOpen;
    if (isOpen && !this.#view) this.#showChat();
    if (this.#settings.mode !== "full") this.#scope.passing.setItem(OPEN, isOpen ? "yes" : "no");
    this.#drawFrame();
  }

  #drawFrame(): void {
    const { mode, position, theme, heading } = this.#settings;
    const words = this.#words;
    Object.assign(this.#box.dataset, { mode, position, open: String(this.#isOpen) });
    this.#box.lang = words.locale;
    this.#theme.set(theme);
    this.#frame.hidden = !this.#isOpen;
    this.#frame.role = mode === "full" ? "region" : "dialog";
    this.#frame.ariaLabel = heading ?? words.say("chat");
    this.#frame.ariaModal = this.#isModal() ? "true" : null;
    this.#launcher.draw(mode === "bubble", this.#isOpen, words, heading);
  }

  /** On a phone the open chat covers the page. */
  #isModal(): boolean {
    return this.#settings.mode !== "full" && this.#phone.matches;
  }

  #pressed(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.isComposing) return;
    if (event.key === "Escape" && this.#isOpen) {
      if (!this.#view?.dismiss()) this.close();
      if (this.#settings.mode !== "full") event.preventDefault();
    }
    if (event.key === "Tab" && this.#isOpen && this.#isModal()) keepFocusWithin(this.#frame, event);
  }
}
