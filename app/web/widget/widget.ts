// The entry of widget.js: defines `<persona-chat>`. A page that loads the script twice has it once.

import { PersonaChat } from "./persona-chat.ts";

if (!customElements.get("persona-chat")) customElements.define("persona-chat", PersonaChat);

export { PersonaChat };
