// What one widget keeps in the browser, apart from every other widget on the page and from the page's own keys.
// A reload finds the same scope again: it is made of the server, the persona that was asked for, and the widget's
// place among its like. A storage that is full or forbidden is the same as an empty one.

import type { PersonaRef } from "#app/models/persona.ts";
import type { TextStorage } from "#app/web/session-record.ts";

/** Scopes of the widgets that stand on this page now. */
const taken = new Set<string>();

export interface StorageScope {
  readonly name: string;
  /** Shared by every tab of the browser: a second tab is in the same conversation. */
  readonly lasting: TextStorage;
  /** Of this tab alone: a half-written message does not appear in another. */
  readonly passing: TextStorage;
  release(): void;
}

/** The first scope of its name that is free; the second widget for the same persona has a conversation of its own. */
export function takeScope(host: string, partner: PersonaRef | undefined): StorageScope {
  const wanted = `parley:${host}:${partner ? `${partner.kind}/${partner.id}` : "-"}`;
  let name = wanted;
  for (let place = 2; taken.has(name); place += 1) name = `${wanted}#${place}`;
  taken.add(name);
  return {
    name,
    lasting: toTextStorage(() => localStorage, name),
    passing: toTextStorage(() => sessionStorage, name),
    release: () => void taken.delete(name),
  };
}

/** A browser may forbid storage, and throws at the mere mention of it. */
function toTextStorage(find: () => Storage, scope: string): TextStorage {
  const memory = new Map<string, string>();
  const keyOf = (key: string) => `${scope}:${key}`;
  return {
    getItem(key) {
      try {
        return find().getItem(keyOf(key)) ?? memory.get(key) ?? null;
      } catch {
        return memory.get(key) ?? null;
      }
    },
    setItem(key, value) {
      memory.set(key, value);
      try {
        find().setItem(keyOf(key), value);
      } catch {
        // Kept as long as the page, then.
      }
    },
  };
}
