// What the menu's entries do to a conversation: begin anew, save a copy as a file, erase it after a question.

import type { ChatClient } from "#app/web/client.ts";
import { RequestError } from "#app/web/conversation-requests.ts";
import { createElement, setText } from "#app/web/element.ts";
import type { ConversationState } from "#app/web/transcript.ts";
import { createButton } from "./controls.ts";
import { MenuView } from "./menu-view.ts";
import type { SheetView } from "./sheet-view.ts";
import type { Locale, Words } from "./words.ts";

export interface ConversationMenuOptions {
  readonly client: ChatClient;
  readonly words: Words;
  readonly sheet: SheetView;
  readonly onLocale: (locale: Locale) => void;
  /** An empty conversation is open now. */
  readonly onAnew: () => void;
}

export class ConversationMenu {
  readonly #options: ConversationMenuOptions;
  readonly #menu: MenuView;

  constructor(options: ConversationMenuOptions) {
    this.#options = options;
    const { client, words, onLocale, onAnew } = options;
    this.#menu = new MenuView(words, {
      startAnew: () => {
        client.startAnew();
        onAnew();
      },
      save: () => void this.#save(),
      erase: () => this.#askToErase(),
      setLocale: onLocale,
    });
  }

  get element(): HTMLElement {
    return this.#menu.element;
  }

  get isOpen(): boolean {
    return this.#menu.isOpen;
  }

  draw({ storage }: ConversationState): void {
    this.#menu.remark(storage === "memory" ? this.#options.words.say("memory") : "");
  }

  close(): void {
    this.#menu.close();
  }

  pressed(path: readonly EventTarget[]): void {
    this.#menu.pressed(path);
  }

  /** Never rejects: what went wrong is shown. */
  async #save(): Promise<void> {
    const { client, words } = this.#options;
    try {
      const copy = await client.exportConversation();
      download(`conversation-${new Date().toISOString().slice(0, 10)}.json`, JSON.stringify(copy, null, 2));
    } catch (cause) {
      const text = words.say("exportFailed", { reason: reasonOf(cause, words) });
      this.#openSheet(words.say("export"), text, []);
    }
  }

  #askToErase(): void {
    const { words, sheet } = this.#options;
    const keep = createButton({ label: words.say("keep"), class: "keep", onClick: () => sheet.close() });
    const erase = createButton({
      label: words.say("eraseNow"),
      class: "primary erase-now",
      onClick: () => void this.#erase(erase),
    });
    this.#openSheet(words.say("eraseTitle"), words.say("eraseText"), [keep, erase]);
  }

  /** Never rejects: what went wrong is shown. */
  async #erase(button: HTMLButtonElement): Promise<void> {
    const { client, words, sheet, onAnew } = this.#options;
    button.disabled = true;
    try {
      await client.erase();
      sheet.close(false);
      onAnew();
    } catch (cause) {
      button.disabled = false;
      const text = sheet.element.querySelector("#sheet-text");
      if (text) setText(text, words.say("eraseFailed", { reason: reasonOf(cause, words) }));
    }
  }

  #openSheet(title: string, text: string, buttons: readonly HTMLElement[]): void {
    const { sheet } = this.#options;
    const content = [
      createElement("p", { class: "sheet-text", text, attributes: { id: "sheet-text", role: "status" } }),
      createElement("div", { class: "form-buttons", children: buttons }),
    ];
    const parts = { title, class: "question", role: "alertdialog", content, first: buttons[0] } as const;
    sheet.open(parts, this.#menu.button);
  }
}

/** Words for what went wrong: by its code, in the visitor's language. */
function reasonOf(cause: unknown, words: Words): string {
  return cause instanceof RequestError
    ? words.explain(cause.problem.code, cause.problem.message)
    : String(cause);
}

function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  createElement("a", { attributes: { href: url, download: name } }).click();
  // The browser has taken the file's content by then.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
