// Who can be spoken to at the widget's server, fetched until it is known; and why it cannot be had.

import type { PersonaRef } from "#app/models/persona.ts";
import { type CatalogueEntry, parseCatalogueList } from "#app/web/catalogue.ts";
import type { Locale } from "./words.ts";

const TIMEOUT_MS = 10_000;
const AGAIN_MS = 5_000;
const KINDS = ["persona", "object"] as const;

export class Partners {
  readonly #host: string;
  readonly #locale: Locale;
  readonly #onChange: () => void;
  readonly #closed = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #entries: readonly CatalogueEntry[] = [];
  #failed = false;

  constructor(host: string, locale: Locale, onChange: () => void) {
    this.#host = host;
    this.#locale = locale;
    this.#onChange = onChange;
  }

  /** People first, then objects. */
  get entries(): readonly CatalogueEntry[] {
    return this.#entries;
  }

  get failed(): boolean {
    return this.#failed;
  }

  find({ kind, id }: PersonaRef): CatalogueEntry | undefined {
    return this.#entries.find((entry) => entry.kind === kind && entry.id === id);
  }

  /** Never rejects: a list that cannot be had is asked for again. */
  async load(): Promise<void> {
    try {
      const lists = await Promise.all(KINDS.map((kind) => this.#fetchList(kind)));
      this.#entries = lists.flat();
      this.#failed = false;
    } catch {
      if (this.#closed.signal.aborted) return;
      this.#failed = true;
      this.#timer = setTimeout(() => void this.load(), AGAIN_MS);
    }
    if (!this.#closed.signal.aborted) this.#onChange();
  }

  close(): void {
    this.#closed.abort();
    clearTimeout(this.#timer);
  }

  async #fetchList(kind: PersonaRef["kind"]): Promise<readonly CatalogueEntry[]> {
    const response = await fetch(`${this.#host}/api/v1/${kind}s?locale=${this.#locale}`, {
      headers: { accept: "application/json" },
      credentials: "omit",
      signal: AbortSignal.any([this.#closed.signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    if (!response.ok) throw new Error(`${kind}s: ${response.status}`);
    return parseCatalogueList(kind, await response.json());
  }
}
