// Light or dark: as the page says, or as the reader's system has it, also when that changes.

import type { WidgetTheme } from "./settings.ts";

export class ThemeKeeper {
  readonly #box: HTMLElement;
  readonly #dark = matchMedia("(prefers-color-scheme: dark)");
  #theme: WidgetTheme = "auto";

  /** @param signal ends it */
  constructor(box: HTMLElement, signal: AbortSignal) {
    this.#box = box;
    this.#dark.addEventListener("change", () => this.#apply(), { signal });
  }

  set(theme: WidgetTheme): void {
    this.#theme = theme;
    this.#apply();
  }

  #apply(): void {
    const isDark = this.#theme === "auto" ? this.#dark.matches : this.#theme === "dark";
    this.#box.dataset.theme = isDark ? "dark" : "light";
  }
}
