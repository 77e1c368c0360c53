// The portfolio page for everyone: axe-core finds nothing, nothing sticks out of a narrow screen, the keyboard reaches
// everything and the focus is always to be seen; on paper there is only what can be read.

import assert from "node:assert/strict";
import { it } from "node:test";
import { findings, focused, listed, reply, speaker, usePortfolio } from "./portfolio-fixture.ts";

const { startApp, visit } = usePortfolio();

for (const colorScheme of ["light", "dark"] as const) {
  it(`axe-core finds nothing in ${colorScheme}, with the chat closed and open, in both languages`, async () => {
    const url = await startApp();
    for (const locale of ["en-GB", "tr-TR"]) {
      const { page, complaints } = await visit(url, { colorScheme, locale });
      await listed(page);
      assert.deepEqual(await findings(page), [], `${locale}, closed`);
      await page.locator("#hero-chips .ask").first().click();
      await reply(page).waitFor();
      assert.deepEqual(await findings(page), [], `${locale}, open`);
      assert.deepEqual(complaints, []);
    }
  });
}

it("nothing sticks out of a screen of 320 to 1600 px", async () => {
  const url = await startApp();
  for (const locale of ["en-GB", "tr-TR"]) {
    for (const width of [320, 390, 600, 820, 1024, 1600]) {
      const visited = await visit(url, { locale, viewport: { width, height: 700 } });
      const { page } = visited;
      await listed(page);
      assert.equal(await page.evaluate("document.documentElement.scrollWidth"), width, locale);
      // The table of Note G scrolls by itself where it has to.
      const sticksOut = `[...document.querySelectorAll("body *:not(.scroller *, .symbols *)")]
        .filter((e) => e.getBoundingClientRect().right > ${width} + 0.5).map((e) => e.outerHTML.slice(0, 80))`;
      assert.deepEqual(await page.evaluate(sticksOut), [], `${locale} at ${width} px`);
      await visited.close();
    }
  }
});

it("headings go down one step at a time, and every landmark has a name of its own", async () => {
  const { page } = await visit(await startApp());
  await listed(page);
  const levels = await page.evaluate<number[]>(
    `[...document.querySelectorAll("h1, h2, h3, h4")].map(({ localName }) => Number(localName[1]))`,
  );
  assert.equal(levels[0], 1);
  levels.reduce((before, level) => {
    assert.ok(level <= before + 1, `a heading of level ${level} after one of level ${before}`);
    return level;
  });
  assert.equal(levels.filter((level) => level === 1).length, 1);
  for (const role of ["banner", "navigation", "main", "contentinfo"] as const) {
    assert.equal(await page.getByRole(role).count(), 1, role);
  }
});

it("by keyboard alone a visitor skips the head, asks, reads, closes, and is back where they were", async () => {
  const { page, complaints } = await visit(await startApp(), { reducedMotion: "reduce" });
  await listed(page);
  await page.keyboard.press("Tab");
  assert.equal(await focused(page), "Skip to the content");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  assert.equal(await focused(page), "Speak with Ada");

  for (let presses = 0; (await focused(page)) !== "Speak with the engineer"; presses += 1) {
    assert.ok(presses < 40, "the engineer is never reached by Tab");
    await page.keyboard.press("Tab");
    const [style, isInView] = await page.evaluate<[string, boolean]>(`(() => {
      const { top, bottom } = document.activeElement.getBoundingClientRect();
      return [getComputedStyle(document.activeElement).outlineStyle, bottom > 0 && top < innerHeight];
    })()`);
    assert.notEqual(style, "none", await focused(page));
    assert.ok(isInView, await focused(page));
  }
  await page.keyboard.press("Enter");
  await speaker(page).getByText("Ada Lovelace, engineer").waitFor();
  await page.locator("persona-chat textarea:focus").waitFor();
  assert.equal(await focused(page), "chat");
  await page.keyboard.type("What does the mill do?");
  await page.keyboard.press("Enter");
  await reply(page).getByText("mill").first().waitFor();
  await page.keyboard.press("Escape");
  await page.locator("persona-chat .frame").waitFor({ state: "hidden" });
  assert.equal(await focused(page), "Speak with the engineer");
  assert.deepEqual(complaints, []);
});

it("who wants no motion gets none", async () => {
  const { page } = await visit(await startApp(), { reducedMotion: "reduce" });
  assert.deepEqual(
    await page.evaluate("document.getAnimations().map(({ animationName }) => animationName)"),
    [],
  );
  assert.equal(await page.evaluate("getComputedStyle(document.documentElement).scrollBehavior"), "auto");
});

it("on paper stands what can be read, and nothing that can only be pressed", async () => {
  const { page } = await visit(await startApp(), { colorScheme: "dark" });
  await listed(page);
  await page.emulateMedia({ media: "print" });
  for (const selector of [".masthead", "persona-chat", ".timeline .ask", ".card .speak", ".actions"]) {
    assert.equal(await page.locator(selector).first().isVisible(), false, selector);
  }
  assert.equal(await page.locator(".operations").isVisible(), true);
  // The ornament is there at once, however soon after the opening the page is printed.
  assert.deepEqual(
    await page.evaluate("document.getAnimations().map(({ animationName }) => animationName)"),
    [],
  );
  assert.equal(
    await page.evaluate("getComputedStyle(document.querySelector('.sheet')).backgroundColor"),
    "rgb(255, 255, 255)",
  );
});

it("with forced colours the pressed switch and the chain can still be told apart", async () => {
  const { page } = await visit(await startApp(), { forcedColors: "active" });
  const color = (selector: string, property: string) =>
    page.evaluate<string>(`getComputedStyle(document.querySelector('${selector}')).${property}`);
  assert.notEqual(
    await color("[data-locale=en]", "backgroundColor"),
    await color("[data-locale=tr]", "backgroundColor"),
  );
  const fills = await Promise.all(
    [".chain .pasteboard", ".chain .read", ".chain .write"].map((selector) => color(selector, "fill")),
  );
  assert.equal(new Set(fills).size, 3, fills.join(", "));
});
