// The attributes of `<persona-chat>` as properties, too: each is the other. A property that a page has set before the
// element's script arrived is taken over.

import { SETTING_NAMES, type SettingName } from "./settings.ts";

export abstract class AttributedElement extends HTMLElement {
  /** Origin of the server, such as `https://chat.example.org`; where the script came from if absent. */
  get host(): string {
    return this.#read("host");
  }
  set host(value: string | null) {
    this.#write("host", value);
  }

  /** Id of the persona that answers a new conversation. */
  get persona(): string {
    return this.#read("persona");
  }
  set persona(value: string | null) {
    this.#write("persona", value);
  }

  /** Id of the object that answers a new conversation, instead of a persona. */
  get object(): string {
    return this.#read("object");
  }
  set object(value: string | null) {
    this.#write("object", value);
  }

  /** `en` or `tr`; the page's language if absent, then the reader's. */
  get locale(): string {
    return this.#read("locale");
  }
  set locale(value: string | null) {
    this.#write("locale", value);
  }

  /** `light`, `dark` or `auto`. */
  get theme(): string {
    return this.#read("theme");
  }
  set theme(value: string | null) {
    this.#write("theme", value);
  }

  /** `bubble`, `panel` or `full`. */
  get mode(): string {
    return this.#read("mode");
  }
  set mode(value: string | null) {
    this.#write("mode", value);
  }

  /** The first words, instead of the persona's own. */
  get greeting(): string {
    return this.#read("greeting");
  }
  set greeting(value: string | null) {
    this.#write("greeting", value);
  }

  /** `bottom-right` or `bottom-left`. */
  get position(): string {
    return this.#read("position");
  }
  set position(value: string | null) {
    this.#write("position", value);
  }

  /** Title of the chat, instead of the persona's name. */
  get heading(): string {
    return this.#read("heading");
  }
  set heading(value: string | null) {
    this.#write("heading", value);
  }

  /** Own properties from before the upgrade hide the accessors: they are removed and set again. */
  protected adoptEarlyProperties(): void {
    for (const name of SETTING_NAMES) {
      if (!Object.hasOwn(this, name)) continue;
      const value: unknown = Reflect.get(this, name);
      Reflect.deleteProperty(this, name);
      this.#write(name, typeof value === "string" ? value : null);
    }
  }

  #read(name: SettingName): string {
    return this.getAttribute(name) ?? "";
  }

  #write(name: SettingName, value: string | null): void {
    if (value === null || value === undefined) this.removeAttribute(name);
    else this.setAttribute(name, value);
  }
}
