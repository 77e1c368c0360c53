// Estimates how many tokens a text costs. A real tokenizer is a table of megabytes for one family of models; a budget
// needs only an estimate that is rather too high.

/** About four ASCII characters a token; everything beyond ASCII costs about one token for every one and a half. */
export function estimateTokens(text: string): number {
  let beyondAscii = 0;
  for (let index = 0; index < text.length; index += 1) {
    if (text.charCodeAt(index) > 0x7f) beyondAscii += 1;
  }
  return Math.ceil((text.length - beyondAscii) / 4 + beyondAscii / 1.5);
}
