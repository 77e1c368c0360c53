// The widget for everyone: by keyboard alone, for screen readers (axe-core finds nothing, in light and in dark), on
// the narrowest phone, in Turkish.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { Page } from "playwright-core";
import { HeldModel } from "./held-model.ts";
import { settled } from "./settled.ts";
import { finishedReplies, OPEN_BUBBLE, ready, rows, say, useWidgets } from "./widget-fixture.ts";

const { startScene, visit } = useWidgets();
const AXE = join(import.meta.dirname, "../../node_modules/axe-core/axe.min.js");
const MARKDOWN =
  "A **word**, a [link](https://example.org/), `code`:\n\n```js\nlet a = 1;\n```\n\n1. One\n2. Two\n";

/** What axe-core finds on the page, the widget's shadow root included: one line a finding. */
async function findings(page: Page): Promise<string[]> {
  await settled(page);
  if (!(await page.evaluate("'axe' in window"))) await page.evaluate(await readFile(AXE, "utf8"));
  return page.evaluate(`axe.run(document).then(({ violations }) => violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target, failureSummary }) => id + ": " + help + " at " + target.flat().join(" > ") + " " + failureSummary)))`);
}

/** Where the focus is, in the shadow root or outside of it. */
function focused(page: Page): Promise<string> {
  return page.evaluate(`(() => {
    const inner = document.querySelector("persona-chat").shadowRoot.activeElement;
    const element = inner ?? document.activeElement;
    return element.tagName.toLowerCase() + (element.className ? "." + element.className.replaceAll(" ", ".") : "");
  })()`);
}

for (const colorScheme of ["light", "dark"] as const) {
  it(`axe-core finds nothing in ${colorScheme}: empty, in talk, in the list, in the menu, in a question`, async () => {
    const model = new HeldModel();
    const scene = await startScene({ overrides: { model } });
    const { page } = await visit(scene, OPEN_BUBBLE, { colorScheme });
    await ready(page);
    await page.locator(".title .about:not(:empty)").waitFor();
    assert.equal(await page.locator(".parley").getAttribute("data-theme"), colorScheme);
    assert.deepEqual(await findings(page), []);
    await say(page, "Tell me of Note G.");
    await page.locator(".row.thinking").waitFor();
    assert.deepEqual(await findings(page), []);
    await model.say(MARKDOWN);
    model.finish();
    await finishedReplies(page).waitFor();
    await page.locator(".rate-up").click();
    assert.deepEqual(await findings(page), []);
    await page.locator(".feedback-form textarea").press("Escape");
    await page.locator(".edit").click();
    assert.deepEqual(await findings(page), []);
    await page.locator(".row-form textarea").press("Escape");
    await page.locator(".switcher").click();
    assert.deepEqual(await findings(page), []);
    await page.keyboard.press("Escape");
    await page.locator(".menu-button").click();
    assert.deepEqual(await findings(page), []);
    await page.locator(".menu .erase").click();
    assert.deepEqual(await findings(page), []);
  });
}

describe("by keyboard alone", () => {
  it("a visitor opens, writes, stops, changes, chooses and closes, and always sees where they are", async () => {
    const model = new HeldModel();
    const { page } = await visit(await startScene({ overrides: { model } }), "<persona-chat></persona-chat>");
    await page.locator(".launcher").waitFor();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    assert.equal(await focused(page), "button.launcher");
    await page.keyboard.press("Enter");
    await ready(page);
    assert.equal(await focused(page), "textarea");
    await page.keyboard.type("First line");
    await page.keyboard.press("Shift+Enter");
    await page.keyboard.type("second line");
    await page.keyboard.press("Enter");
    await model.say("It is the last of");
    await page.getByText("It is the last of").first().waitFor();
    assert.equal((await rows(page))[1], "First line\nsecond line");
    await page.keyboard.press("Escape");
    await page.locator(".row.assistant.stopped").waitFor();

    for (let presses = 0; !(await focused(page)).startsWith("button.switcher"); presses += 1) {
      assert.ok(presses < 30, "the switch is never reached by Shift+Tab");
      await page.keyboard.press("Shift+Tab");
      const outline = await page.evaluate(
        "getComputedStyle(document.querySelector('persona-chat').shadowRoot.activeElement).outlineStyle",
      );
      assert.notEqual(outline, "none");
    }
    // The focus goes to who speaks where they are on the list by then.
    await page.locator(".title .about:not(:empty)").waitFor();
    await page.keyboard.press("Enter");
    await page.locator(".picker").waitFor();
    assert.equal(await focused(page), "button.partner");
    await page.keyboard.press("Escape");
    assert.equal(await focused(page), "button.switcher");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.locator(".row.mark").waitFor();
    assert.equal(await focused(page), "textarea");
    await page.keyboard.press("Escape");
    await page.locator(".frame").waitFor({ state: "hidden" });
    assert.equal(await focused(page), "button.launcher");
  });

  it("on a phone the focus stays in the open chat, which says that it is modal", async () => {
    const { page } = await visit(await startScene(), "<persona-chat></persona-chat>", {
      viewport: { width: 390, height: 700 },
    });
    await page.locator(".launcher").click();
    await page.locator(".chip").first().waitFor();
    assert.equal(await page.locator(".frame").getAttribute("aria-modal"), "true");
    assert.equal(await page.locator(".launcher").isVisible(), false);
    const seen = new Set<string>();
    for (let presses = 0; presses < 30; presses += 1) {
      await page.keyboard.press("Tab");
      const name = await focused(page);
      assert.ok(!["body", "a", "persona-chat"].includes(name), `the focus has left to ${name}`);
      seen.add(name);
    }
    assert.ok(seen.has("button.switcher") && seen.has("textarea"), [...seen].join(" "));
  });
});

describe("on a phone of 320 px", () => {
  for (const locale of ["en-GB", "tr-TR"]) {
    it(`nothing sticks out, and everything is at least 44 px high (${locale})`, async () => {
      const model = new HeldModel();
      const lang = locale.slice(0, 2);
      const scene = await startScene({ overrides: { model } });
      const { page, complaints } = await visit(scene, `<persona-chat open locale="${lang}"></persona-chat>`, {
        locale,
        viewport: { width: 320, height: 568 },
        hasTouch: true,
      });
      await ready(page);
      await say(page, `When were you born? ${"x".repeat(200)}`);
      await model.say(
        `${MARKDOWN}\n${"y".repeat(200)}\n\n| a | b | c |\n|---|---|---|\n| ${"z".repeat(90)} | 2 | 3 |\n`,
      );
      model.finish();
      await finishedReplies(page).waitFor();
      await settled(page);
      const all = `[...document.querySelector("persona-chat").shadowRoot.querySelectorAll("*:not(.unseen, .unseen *, pre *, table *)")].filter((e) => e.checkVisibility())`;
      const told = "e.outerHTML.slice(0, 90)";
      const sticksOut = `${all}.filter((e) => { const { left, right } = e.getBoundingClientRect(); return right > 320.5 || left < -0.5; }).map((e) => ${told})`;
      const small = `${all}.filter((e) => e.matches("button, .composer textarea")).filter((e) => { const { width, height } = e.getBoundingClientRect(); return width < 44 || height < 44; }).map((e) => ${told})`;
      assert.deepEqual(await page.evaluate(sticksOut), []);
      assert.deepEqual(await page.evaluate(small), []);
      assert.equal(await page.evaluate("document.documentElement.scrollWidth"), 320);
      for (const opener of [".switcher", ".menu-button"]) {
        await page.locator(opener).click();
        await settled(page);
        assert.deepEqual(await page.evaluate(sticksOut), [], opener);
        await page.keyboard.press("Escape");
      }
      assert.deepEqual(complaints(), []);
    });
  }
});

describe("in Turkish", () => {
  it("the widget speaks Turkish to a Turkish page, and English at a press in the menu", async () => {
    const { page, complaints } = await visit(
      await startScene(),
      `<persona-chat open locale="tr"></persona-chat>`,
    );
    await ready(page);
    assert.match((await rows(page))[0] ?? "", /İyi günler/);
    assert.equal(await page.locator(".parley").getAttribute("lang"), "tr");
    await say(page, "Ne zaman doğdun?");
    await finishedReplies(page).waitFor();
    assert.match(await finishedReplies(page).locator(".notes").innerText(), /bağlı bir model yok/);
    await page.locator(".menu-button").click();
    await page.locator("[data-locale=en]").click();
    await page.getByText("Answering from notes").waitFor();
    assert.equal(await page.locator(".send").getAttribute("aria-label"), "Send");
    assert.deepEqual(complaints(), []);
  });
});
