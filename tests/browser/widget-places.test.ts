// Where the widget stands: a drawer or a bubble at either side, with a script from the page's own server, on a page of
// another site, in the page's own look; and what is changed and erased there without a mouse.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Page } from "playwright-core";
import { finishedReplies, OPEN_BUBBLE, ready, replies, rows, say, useWidgets } from "./widget-fixture.ts";

const { startScene, visit } = useWidgets();
const VIEWPORT = { width: 1280, height: 720 };
const STILL = { viewport: VIEWPORT, reducedMotion: "reduce" } as const;
/** Between the bubble, or its window, and the edges of the page. */
const MARGIN_PX = 20;

interface Edges {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** Distances from the edges of the window, in whole pixels, once the opening's animation is over. */
async function edges(page: Page, selector: string): Promise<Edges> {
  await page.evaluate(`Promise.all(document.querySelector("persona-chat").shadowRoot
    .querySelector("${selector}").getAnimations().map((each) => each.finished.catch(() => {})))`);
  const box = await page.locator(selector).boundingBox();
  assert.ok(box, `${selector} is not shown`);
  return {
    left: Math.round(box.x),
    right: Math.round(VIEWPORT.width - box.x - box.width),
    top: Math.round(box.y),
    bottom: Math.round(VIEWPORT.height - box.y - box.height),
  };
}

function call(page: Page, method: "open" | "close"): Promise<unknown> {
  return page.evaluate(`customElements.whenDefined("persona-chat")
    .then(() => document.querySelector("persona-chat").${method}())`);
}

function style(page: Page, selector: string, property: string): Promise<string> {
  return page.evaluate(`getComputedStyle(document.querySelector("persona-chat").shadowRoot
    .querySelector("${selector}")).getPropertyValue("${property}")`);
}

/** A style sheet of the page, made in a way that its policy allows. */
async function addStyles(page: Page, css: string): Promise<void> {
  await page.evaluate(`{
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(${JSON.stringify(css)});
    document.adoptedStyleSheets.push(sheet);
  }`);
}

describe("a panel", () => {
  for (const [position, side, other] of [
    ["bottom-right", "right", "left"],
    ["bottom-left", "left", "right"],
  ] as const) {
    it(`at ${position} has no button, opens along the whole ${side} edge when the page asks, and is closed`, async () => {
      const markup = `<persona-chat mode="panel" position="${position}"></persona-chat>`;
      const { page, complaints } = await visit(await startScene(), markup, STILL);
      await call(page, "close");
      assert.equal(await page.locator(".launcher").isVisible(), false);
      assert.equal(await page.locator(".frame").isVisible(), false);
      await call(page, "open");
      await ready(page);
      const place = await edges(page, ".frame");
      assert.deepEqual(
        { side: place[side], top: place.top, bottom: place.bottom },
        { side: 0, top: 0, bottom: 0 },
      );
      assert.equal(place[other], VIEWPORT.width - 480);
      assert.equal(await page.locator(".launcher").isVisible(), false);
      await say(page, "When were you born?");
      await finishedReplies(page).waitFor();
      await call(page, "close");
      await page.locator(".frame").waitFor({ state: "hidden" });
      assert.equal(await page.locator(".launcher").isVisible(), false);
      assert.deepEqual(complaints(), []);
    });
  }

  it("gives the focus back to what opened it", async () => {
    const markup = `<button id="ask">Ask</button><persona-chat mode="panel"></persona-chat>`;
    const { page } = await visit(await startScene(), markup, STILL);
    await call(page, "close");
    await page.evaluate(`ask.onclick = () => document.querySelector("persona-chat").open()`);
    await page.locator("#ask").click();
    await ready(page);
    assert.equal(await page.evaluate("document.activeElement.localName"), "persona-chat");
    await page.locator(".header .close").click();
    await page.locator(".frame").waitFor({ state: "hidden" });
    assert.equal(await page.evaluate("document.activeElement.id"), "ask");
  });
});

describe("a bubble", () => {
  for (const [attribute, side, other] of [
    ["", "right", "left"],
    [`position="bottom-left"`, "left", "right"],
  ] as const) {
    it(`stands at the ${side} with its window above it where the page says ${attribute.replaceAll('"', "") || "nothing"}`, async () => {
      const { page } = await visit(await startScene(), `<persona-chat ${attribute}></persona-chat>`, STILL);
      // Not by mouse: a bubble that is pointed at is lifted.
      await page.locator(".launcher").press("Enter");
      await ready(page);
      const [launcher, frame] = [await edges(page, ".launcher"), await edges(page, ".frame")];
      assert.deepEqual([launcher[side], launcher.bottom], [MARGIN_PX, MARGIN_PX]);
      assert.equal(launcher[other], VIEWPORT.width - MARGIN_PX - 64);
      assert.equal(frame[side], MARGIN_PX);
      assert.equal(frame[other], VIEWPORT.width - MARGIN_PX - 420);
      assert.ok(frame.top >= 0, `the window's top is out of sight: ${frame.top}`);
      assert.ok(frame.bottom >= MARGIN_PX + 64, `the window covers the bubble: ${frame.bottom}`);
    });
  }

  it("goes to the other side when the page says so", async () => {
    const { page } = await visit(await startScene(), "<persona-chat></persona-chat>", STILL);
    await page.locator(".launcher").waitFor();
    assert.equal((await edges(page, ".launcher")).right, MARGIN_PX);
    await page.evaluate(`document.querySelector("persona-chat").position = "bottom-left"`);
    assert.equal((await edges(page, ".launcher")).left, MARGIN_PX);
  });
});

describe("a page elsewhere", () => {
  it("may serve the script itself and name the chat server by host", async () => {
    const scene = await startScene({ ownsScript: true });
    const asked: string[] = [];
    const { page, complaints } = await visit(scene, `<persona-chat host="${scene.host}"></persona-chat>`);
    page.on("request", (request) => asked.push(request.url()));
    page.on("websocket", (socket) => asked.push(socket.url()));
    await page.reload();
    await page.locator(".launcher").click();
    await ready(page);
    await say(page, "When were you born?");
    await finishedReplies(page).waitFor();
    assert.match((await rows(page)).at(-1) ?? "", /1815/);
    assert.ok(asked.includes(`${scene.embedding}/widget.js`));
    assert.ok(!asked.includes(`${scene.host}/widget.js`));
    assert.ok(asked.includes(`${scene.host.replace("http", "ws")}/api/v1/chat/ws`));
    const own = asked.filter((url) => url.includes(new URL(scene.embedding).host) && url.includes("/api/"));
    assert.deepEqual(own, []);
    assert.deepEqual(complaints(), []);
  });

  it("may be of another site, and its visitor finds the conversation again after a reload", async () => {
    const scene = await startScene({ pageName: "localhost" });
    const { page, complaints } = await visit(scene, OPEN_BUBBLE);
    const request = page.waitForRequest((each) => each.url().startsWith(`${scene.host}/api/`));
    await page.reload();
    assert.equal((await (await request).allHeaders())["sec-fetch-site"], "cross-site");
    await ready(page);
    await say(page, "When were you born?");
    await finishedReplies(page).waitFor();
    const said = await rows(page);
    assert.match(said.at(-1) ?? "", /1815/);
    await page.reload();
    await finishedReplies(page).waitFor();
    assert.deepEqual(await rows(page), said);
    assert.deepEqual(complaints(), []);
  });
});

describe("the page's own style sheet", () => {
  const LOOK = [
    ["--parley-accent", "rgb(1, 2, 3)", ".launcher", "background-color", "rgb(1, 2, 3)"],
    ["--parley-on-accent", "rgb(4, 5, 6)", ".launcher", "color", "rgb(4, 5, 6)"],
    ["--parley-surface", "rgb(7, 80, 90)", ".frame", "background-color", "rgb(7, 80, 90)"],
    ["--parley-text", "rgb(200, 210, 220)", ".frame", "color", "rgb(200, 210, 220)"],
    ["--parley-radius", "3px", ".frame", "border-top-left-radius", "3px"],
    ["--parley-radius", "3px", ".field", "border-top-left-radius", "3px"],
    ["--parley-font", "monospace", ".composer textarea", "font-family", "monospace"],
    ["--parley-font-reading", "fantasy", ".greeting .body", "font-family", "fantasy"],
    ["--parley-font-size", "19px", ".composer textarea", "font-size", "19px"],
    ["--parley-width", "333px", ".frame", "width", "333px"],
    ["--parley-height", "444px", ".frame", "height", "444px"],
    ["--parley-z-index", "77", ".frame", "z-index", "77"],
    ["--parley-z-index", "77", ".launcher", "z-index", "77"],
  ] as const;
  for (const [scope, colorScheme] of [
    ["persona-chat", "light"],
    ["html", "dark"],
  ] as const) {
    it(`decides its look by custom properties of ${scope}, in ${colorScheme}`, async () => {
      const { page, complaints } = await visit(await startScene(), OPEN_BUBBLE, { ...STILL, colorScheme });
      await ready(page);
      for (const [name, , selector, property, expected] of LOOK) {
        assert.notEqual(await style(page, selector, property), expected, `${name} proves nothing`);
      }
      for (const [name, value, selector, property, expected] of LOOK) {
        await addStyles(page, `${scope} { ${name}: ${value} }`);
        assert.equal(await style(page, selector, property), expected, `${name} at ${selector}`);
      }
      assert.deepEqual(complaints(), []);
    });
  }

  it("reaches nothing inside by selectors that are not meant for it", async () => {
    const { page } = await visit(await startScene(), OPEN_BUBBLE, STILL);
    await ready(page);
    const before = await style(page, ".header .close", "display");
    await addStyles(page, `button, * { display: none; color: rgb(9, 9, 9) } html, body { display: block }`);
    await addStyles(page, `persona-chat { display: contents }`);
    assert.equal(await style(page, ".header .close", "display"), before);
    assert.notEqual(await style(page, ".frame", "color"), "rgb(9, 9, 9)");
  });
});

describe("by keyboard alone", () => {
  /** What has the focus: its tag and classes. */
  function focused(page: Page): Promise<string> {
    return page.evaluate(`(() => {
      const inner = document.querySelector("persona-chat").shadowRoot.activeElement ?? document.activeElement;
      return [inner.localName, ...inner.classList].join(".");
    })()`);
  }

  /** Goes backwards, as one does from the field, until an element of the class has the focus. */
  async function goBackTo(page: Page, name: string): Promise<void> {
    for (let presses = 0; !(await focused(page)).split(".").includes(name); presses += 1) {
      assert.ok(presses < 30, `${name} is never reached by Shift+Tab`);
      await page.keyboard.press("Shift+Tab");
    }
  }

  it("a message is changed: Enter opens it, Enter sends it, and the focus is in the field again", async () => {
    const { page, complaints } = await visit(await startScene(), "<persona-chat></persona-chat>", STILL);
    await page.locator(".launcher").press("Enter");
    await ready(page);
    await page.keyboard.type("When were you born?");
    await page.keyboard.press("Enter");
    await finishedReplies(page).waitFor();
    const first = (await rows(page)).at(-1);
    assert.doesNotMatch(first ?? "Annabella", /Annabella/);
    await goBackTo(page, "edit");
    assert.equal(await style(page, ".row.user .tools", "opacity"), "1");
    await page.keyboard.press("Enter");
    assert.equal(await page.locator(".row.user .row-form textarea").inputValue(), "When were you born?");
    assert.equal(await focused(page), "textarea");
    await page.keyboard.press("ControlOrMeta+a");
    await page.keyboard.type("Who were your parents?");
    await page.keyboard.press("Enter");
    await page.locator(".row.user .body", { hasText: "Who were your parents?" }).waitFor();
    await finishedReplies(page).filter({ hasText: "Annabella" }).waitFor();
    assert.equal((await rows(page)).length, 3);
    assert.notEqual((await rows(page)).at(-1), first);
    await page.keyboard.type("Here");
    assert.equal(await page.locator(".composer textarea").inputValue(), "Here");
    assert.deepEqual(complaints(), []);
  });

  it("everything is erased through the menu, after a question whose first answer keeps it", async () => {
    const { page, complaints } = await visit(await startScene(), "<persona-chat></persona-chat>", STILL);
    await page.locator(".launcher").press("Enter");
    await ready(page);
    await page.keyboard.type("When were you born?");
    await page.keyboard.press("Enter");
    await finishedReplies(page).waitFor();
    await goBackTo(page, "menu-button");
    const askToErase = async () => {
      await page.keyboard.press("Enter");
      assert.match(await focused(page), /start-anew/);
      await page.keyboard.press("Tab");
      await page.keyboard.press("Tab");
      assert.match(await focused(page), /\berase\b/);
      await page.keyboard.press("Enter");
      await page.getByRole("alertdialog").waitFor();
      assert.match(await focused(page), /\bkeep\b/);
    };
    await askToErase();
    await page.keyboard.press("Enter");
    assert.equal(await replies(page).count(), 1);
    assert.match(await focused(page), /menu-button/);
    await askToErase();
    await page.keyboard.press("Tab");
    assert.match(await focused(page), /erase-now/);
    await page.keyboard.press("Enter");
    await replies(page).waitFor({ state: "detached" });
    await ready(page);
    assert.equal((await rows(page)).length, 1);
    await page.keyboard.type("Here");
    assert.equal(await page.locator(".composer textarea").inputValue(), "Here");
    assert.deepEqual(complaints(), []);
  });
});
