// What the upstream shall say, written into the visitor's message, so that one upstream serves every scenario and both
// servers. The reply is numbered: whoever reads it can tell whether every token arrived, once and in order.

export interface ReplyScript {
  /** Tokens of the reply, the first one included. */
  readonly tokens: number;
  /** 0: as fast as the reader takes them. */
  readonly tokensPerSecond: number;
  /** What the model "thinks" before its first token. */
  readonly firstTokenDelayMs: number;
}

const QUESTION = "How did you come to write the Notes on the Analytical Engine?";
const SCRIPT = /\[tokens=(\d+) pace=(\d+) delay=(\d+)\]/y;
const SCRIPT_START = "[tokens=";

/** A question as a visitor would ask it, with the script at its end. */
export function toQuestion({ tokens, tokensPerSecond, firstTokenDelayMs }: ReplyScript): string {
  return `${QUESTION} [tokens=${tokens} pace=${tokensPerSecond} delay=${firstTokenDelayMs}]`;
}

/** The newest script in a request's body: a prompt holds the earlier questions too. Undefined where there is none. */
export function findScript(body: string): ReplyScript | undefined {
  SCRIPT.lastIndex = Math.max(0, body.lastIndexOf(SCRIPT_START));
  const found = SCRIPT.exec(body);
  if (!found) return undefined;
  return {
    tokens: Number(found[1]),
    tokensPerSecond: Number(found[2]),
    firstTokenDelayMs: Number(found[3]),
  };
}

/**
 * The first token carries what the upstream itself took for it, in microseconds from the request's arrival: only
 * durations are compared, so no clock has to be shared.
 */
export function firstToken(ownMicroseconds: number): string {
  return `~${Math.round(ownMicroseconds)} `;
}

/** Token number `index` of a reply, from 1 on. */
export function laterToken(index: number): string {
  return `${index} `;
}

/** What a whole reply says about its upstream; undefined when a token is missing, repeated or out of place. */
export function readReply(text: string, tokens: number): { readonly ownMicroseconds: number } | undefined {
  const end = text.indexOf(" ");
  const own = /^~(\d+)$/.exec(text.slice(0, end));
  return own && text.slice(end + 1) === restOf(tokens) ? { ownMicroseconds: Number(own[1]) } : undefined;
}

const rests = new Map<number, string>();

function restOf(tokens: number): string {
  const known = rests.get(tokens);
  if (known !== undefined) return known;
  const rest = Array.from({ length: tokens - 1 }, (_, index) => laterToken(index + 1)).join("");
  rests.set(tokens, rest);
  return rest;
}
