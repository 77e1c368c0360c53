// `<persona-chat>`: a conversation with a persona, in a page of any origin that the server lets in.
//
// Attributes (and properties): `host`, `persona` or `object`, `locale`, `theme`, `mode`, `greeting`, `position`,
// `heading`; `open` (attribute only) for a bubble or panel that begins open. Methods: `open()`, `close()`, `send()`,
// `choose()`. Events, all bubbling and composed: `open`, `close`, `message`, `reply`, `error`. Look: the custom
// properties at the top of theme.css, and `::part(launcher | frame | header | log | row | composer | field | …)`.
//
// Modes: `bubble` is a round button in a corner and a window above it; `panel` a drawer at the page's side without a
// button, for `open()` to call; `full` fills the box that the page gives the element, and is always open.
// Promises: nothing is connected before it is first opened; what it started ends when it is removed.

import type { PersonaRef } from "#app/models/persona.ts";
import { AttributedElement } from "./attributed-element.ts";
import { readSettings, SETTING_NAMES, type WidgetSettings } from "./settings.ts";
import { Shell } from "./shell.ts";
import { widgetSheet } from "./styles.ts";
import type { WidgetEvent } from "./widget-events.ts";

export class PersonaChat extends AttributedElement {
  static readonly observedAttributes = [...SETTING_NAMES, "open"];

  readonly #root: ShadowRoot;
  /** A page may change its language while the widget stands on it. */
  readonly #pageLanguage = new MutationObserver(() => this.#shell?.update(this.#settings()));
  #shell: Shell | undefined;

  constructor() {
    super();
    this.#root = this.attachShadow({ mode: "open" });
    this.#root.adoptedStyleSheets = [widgetSheet()];
  }

  connectedCallback(): void {
    this.adoptEarlyProperties();
    if (this.#shell) return;
    this.#shell = new Shell(this.#root, this.#settings(), {
      onEvent: (event) => this.#tell(event),
      onOpenChange: (isOpen) => {
        this.toggleAttribute("open", isOpen);
        this.#tell({ type: isOpen ? "open" : "close" });
      },
    });
    this.#pageLanguage.observe(document.documentElement, { attributeFilter: ["lang"] });
    if (!this.#shell.begin(this.hasAttribute("open"))) this.removeAttribute("open");
  }

  /** An element that is moved is removed and put in again in one step: its conversation goes on. */
  disconnectedCallback(): void {
    queueMicrotask(() => {
      if (this.isConnected) return;
      this.#pageLanguage.disconnect();
      this.#shell?.release();
      this.#shell = undefined;
    });
  }

  attributeChangedCallback(name: string, before: string | null, after: string | null): void {
    if (!this.#shell || before === after) return;
    if (name !== "open") this.#shell.update(this.#settings());
    else if (after === null) this.#shell.close();
    else this.#shell.open();
  }

  get isOpen(): boolean {
    return this.#shell?.isOpen ?? false;
  }

  open(): void {
    this.#shell?.open();
  }

  close(): void {
    this.#shell?.close();
  }

  /**
   * Says something for the visitor; a chat that is not open yet connects, and stays closed.
   * @returns the message's id, or undefined where there was nothing to send or the element is on no page
   */
  send(text: string): string | undefined {
    const said = text.trim();
    return said === "" ? undefined : this.#shell?.session.client.send(said);
  }

  /** @param partner a persona's id, or `{kind, id}` for an object; the conversation goes on with them */
  choose(partner: string | PersonaRef): void {
    this.#shell?.choose(typeof partner === "string" ? { kind: "persona", id: partner } : partner);
  }

  #settings(): WidgetSettings {
    return readSettings({
      get: (name) => this.getAttribute(name),
      scriptUrl: import.meta.url,
      languages: [document.documentElement.lang, ...navigator.languages],
    });
  }

  #tell(event: WidgetEvent | { readonly type: "open" | "close" }): void {
    const detail = "detail" in event ? event.detail : null;
    this.dispatchEvent(new CustomEvent(event.type, { detail, bubbles: true, composed: true }));
  }
}
