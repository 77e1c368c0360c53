// What the scripted providers say, and the answers that a visitor may see, one form each: the model's words, whole or cut,
// the persona's own text, a refusal.

import type { SeenAnswer } from "./watched-run.ts";

/** What a visitor of the shipped main persona asks, and what its own text says of it. */
export const QUESTION = "When were you born?";
const NOTES = "I was born on 10 December 1815 in London.";
export const SPOKEN = "It was in the winter of 1815, 😀 in London.";
export const BEGUN = "It was in ";

/** The persona's own text comes instead, and says why. */
export const fromNotes = (reason: string): SeenAnswer => ({
  text: NOTES,
  outcome: "success",
  source: "offline",
  reason,
  finishReason: "stop",
});
/** What was said stands, and the run ends by its name. */
export const cut = (outcome: string, text = BEGUN): SeenAnswer => ({
  text,
  outcome,
  source: "model",
  partial: true,
});
export const refused = (outcome: string): SeenAnswer => ({ text: "", outcome });
export const spoken = (text = SPOKEN, finishReason = "stop"): SeenAnswer => ({
  text,
  outcome: "success",
  source: "model",
  finishReason,
});
