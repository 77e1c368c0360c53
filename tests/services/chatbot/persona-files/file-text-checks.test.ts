// What must not stand in a persona's text: secrets and unknown placeholders, found with their place.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { findingsOf, withoutMessage } from "../../../support/data-folder.ts";

describe("a secret in a file", () => {
  const digits = "0123456789abcdefghijABCDEFGHIJ012345";
  const secrets = {
    "an API key": `sk-${digits}`,
    "a project's API key": `sk-proj-${digits}`,
    "a cloud access key": `AKIA${"ABCDEFGH12345678"}`,
    "a cloud API key": `AIza${digits.slice(0, 35)}`,
    "a code host's token": `ghp_${digits}`,
    "a chat token": `xoxb-${digits}`,
    "a signed token": `eyJ${digits}.eyJ${digits}.${digits}`,
    "a private key": `-----BEGIN RSA ${"PRIVATE KEY"}-----`,
    "an unnamed private key": `-----BEGIN ${"PRIVATE KEY"}-----`,
    "long base64 after a key": `API_KEY="${digits}+/=="`,
  };
  for (const [what, secret] of Object.entries(secrets)) {
    it(`is found and not repeated: ${what}`, async (t) => {
      const findings = await findingsOf(t, {
        "personas/v.md": `---\nname: V\n---\n# +Rules\nAt ${secret} end`,
      });
      assert.equal(findings.length, 1);
      assert.match(findings[0] ?? "", /^data\/personas\/v\.md:5:\d+: error \[secret\]/);
      assert.ok(!findings[0]?.includes(digits.slice(0, 16)));
    });
  }

  it("is found in front matter too, even when that is broken", async (t) => {
    const findings = await findingsOf(t, { "personas/v.md": `---\nname: V\ntools: [sk-${digits}\n---\n` });
    assert.deepEqual(findings.map(withoutMessage), [
      "data/personas/v.md:3:9: error [secret]",
      `data/personas/v.md:3:${13 + digits.length - 1}: error [yaml]`,
    ]);
  });

  it("is not seen in ordinary words", async (t) => {
    const rules =
      "The key: internationalisation-of-everything-everywhere. A risk-benefit-analysis-of-things. Token = none.";
    assert.deepEqual(await findingsOf(t, { "personas/v.md": `---\nname: V\n---\n# +Rules\n${rules}` }), []);
  });
});
