// Typing errors and the name that was meant.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { didYouMean } from "#app/services/chatbot/persona-files/did-you-mean.ts";

describe("didYouMean", () => {
  it("names the nearest candidate, whatever the case", () => {
    assert.equal(didYouMean("greting", ["name", "greeting"]), ' (did you mean "greeting"?)');
    assert.equal(didYouMean("RULE", ["Voice", "Rules"]), ' (did you mean "Rules"?)');
  });

  it("says nothing when nothing is near, or the name is no typing error", () => {
    assert.equal(didYouMean("colour", ["name", "greeting"]), "");
    assert.equal(didYouMean("x".repeat(60_000), ["x".repeat(59_999)]), "");
    assert.equal(didYouMean("a", []), "");
  });
});
