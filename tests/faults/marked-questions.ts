// Many visitors ask a provider the same thing at a time, and it shall treat each in its own way: a mark at the end of the
// question, of signs that no search for an answer looks at, says which way.

import { z } from "zod";
import type { ChooseReply, ProviderReply, ProviderRequest } from "../support/scriptable-provider.ts";

const BITS = 8;
const MARK = /[.!]{8}$/;
const bodySchema = z.object({ messages: z.array(z.object({ role: z.string(), content: z.string() })) });

/** @param mark 0 to 255 */
export function markQuestion(question: string, mark: number): string {
  const bits = mark.toString(2).padStart(BITS, "0");
  return `${question} ${bits.replaceAll("0", ".").replaceAll("1", "!")}`;
}

/** The mark of what was asked last; undefined where it has none. */
export function markOf({ body }: ProviderRequest): number | undefined {
  const asked = bodySchema.parse(body).messages.at(-1)?.content ?? "";
  const [found] = MARK.exec(asked) ?? [];
  return found === undefined
    ? undefined
    : Number.parseInt(found.replaceAll(".", "0").replaceAll("!", "1"), 2);
}

/** Plays the script of each mark, attempt by attempt; the last reply stays. */
export function playByMark(scripts: readonly (readonly ProviderReply[])[]): ChooseReply {
  const attempts = new Map<number, number>();
  return (request) => {
    const mark = markOf(request);
    if (mark === undefined) return undefined;
    const attempt = attempts.get(mark) ?? 0;
    attempts.set(mark, attempt + 1);
    const script = scripts[mark];
    return script?.[attempt] ?? script?.at(-1);
  };
}
