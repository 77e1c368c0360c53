// The attributes of `<persona-chat>` as properties, too: each is the other. A property that a page has set before the
// element's script arrived is taken over.

import { SETTING_NAMES, type SettingName } from "./settings.ts";

/** A property whose attribute is absent is empty; null removes the attribute. */
export abstract class AttributedElement extends HTMLElement {
  /** Origin of the server, such as `https://chat.example.org`; where the script came from if absent. */
  declare host: string | null;
  /** Id of the persona that answers a new conversation. */
  declare persona: string | null;
  /** Id of the object that answers a new conversation, instead of a persona. */
  declare object: string | null;
  /** `en` or `tr`; the page's language if absent, then the reader's. */
  declare locale: string | null;
  /** `light`, `dark` or `auto`. */
  declare theme: string | null;
  /** `bubble`, `panel` or `full`. */
  declare mode: string | null;
  /** The first words, instead of the persona's own. */
  declare greeting: string | null;
  /** `bottom-right` or `bottom-left`. */
  declare position: string | null;
  /** Title of the chat, instead of the persona's name. */
  declare heading: string | null;

  static {
    for (const name of SETTING_NAMES) {
      Object.defineProperty(AttributedElement.prototype, name, {
        configurable: true,
        enumerable: true,
        get(this: AttributedElement) {
          return this.getAttribute(name) ?? "";
        },
        set(this: AttributedElement, value: string | null | undefined) {
          this.#write(name, value);
        },
      });
    }
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

  #write(name: SettingName, value: string | null | undefined): void {
    if (value === null || value === undefined) this.removeAttribute(name);
    else this.setAttribute(name, value);
  }
}
