// The portfolio page against the real app: what it tells in both languages, who answers when a card or a question is
// pressed, what it remembers, and what it does without the server's lists.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { card, focused, listed, reply, speaker, usePortfolio } from "./portfolio-fixture.ts";

const { startApp, visit, visitWithoutLists } = usePortfolio();

describe("the page tells", () => {
  it("her life and work in English, and complains of nothing and asks nobody else", async () => {
    const { page, complaints } = await visit(await startApp());
    await listed(page);
    assert.equal(await page.title(), "Ada Lovelace · Portfolio");
    assert.equal(await page.getAttribute("html", "lang"), "en");
    assert.deepEqual(await page.locator("h1, h2").allInnerTexts(), [
      "Ada\nLovelace",
      "YOU MIGHT ASK",
      "A life between poetry and number",
      "The translation, and seven Notes",
      "Note G, step by step",
      "Four ways to speak with her",
      "Things that answer",
      "What is disputed",
      "How this works",
      "Sources",
    ]);
    assert.equal(await page.locator(".timeline li").count(), 13);
    assert.equal(await page.locator(".notes li").count(), 7);
    assert.equal(await page.locator(".operations tbody tr:not(.group)").count(), 25);
    assert.equal(await page.locator(".chain .pasteboard").count(), 25);
    assert.equal(await page.locator("#persona-cards .card").count(), 4);
    assert.equal(await page.locator("#object-cards .card").count(), 6);
    assert.deepEqual(complaints, []);
  });

  it("the same in Turkish to who prefers it, with no English text left", async () => {
    const url = await startApp();
    const english = await visit(url);
    const { page, complaints } = await visit(url, { locale: "tr-TR" });
    await listed(page);
    await listed(english.page);
    assert.equal(await page.getAttribute("html", "lang"), "tr");
    assert.equal(await page.title(), "Ada Lovelace · Portfolyo");
    assert.equal(await page.locator("#life-title").innerText(), "Şiir ile sayı arasında bir yaşam");
    const sentences =
      ".prose p, .intro, .timeline p, .notes p, .telling p, .disputed dd, .how p, .card p, .ask";
    const [here, there] = await Promise.all([
      page.locator(sentences).allInnerTexts(),
      english.page.locator(sentences).allInnerTexts(),
    ]);
    assert.equal(here.length, there.length);
    assert.deepEqual(
      here.filter((text) => there.includes(text)),
      [],
    );
    assert.deepEqual(complaints, []);
  });

  it("what the server's lists say: an edited name, a new object, and nobody who has been taken away", async () => {
    const { page } = await visit("about:blank");
    const url = await startApp();
    await page.route(/\/api\/v1\/objects\?/, async (route) => {
      const answer = await route.fetch();
      const { objects } = (await answer.json()) as { objects: Record<string, unknown>[] };
      const kept = objects.filter(({ id }) => id !== "note-g");
      const edited = kept.map((entry) =>
        entry.id === "jacquard-card" ? { ...entry, name: "A card" } : entry,
      );
      await route.fulfill({
        json: { objects: [...edited, { ...edited[0], id: "orrery", name: "The orrery" }] },
      });
    });
    await page.goto(url);
    await listed(page);
    assert.equal(await card(page, "object:jacquard-card").locator("h3").innerText(), "A card");
    assert.equal(await card(page, "object:orrery").locator(".speak").innerText(), "Speak with the orrery");
    assert.equal(await card(page, "object:orrery").locator("use").getAttribute("href"), "#glyph-any");
    assert.equal(await card(page, "object:note-g").count(), 0);
  });
});

describe("a press", () => {
  it("on a card opens the chat with that persona or object", async () => {
    const { page, complaints } = await visit(await startApp());
    await listed(page);
    for (const [partner, name] of [
      ["persona:engineer", "Ada Lovelace, engineer"],
      ["persona:educator", "Ada Lovelace, educator"],
      ["object:jacquard-portrait", "The woven portrait of Jacquard"],
    ] as const) {
      await card(page, partner).locator(".speak").press("Enter");
      await speaker(page).getByText(name, { exact: true }).waitFor();
    }
    assert.deepEqual(complaints, []);
  });

  it("on a question opens the chat with who is asked, and asks", async () => {
    const { page, complaints } = await visit(await startApp());
    await listed(page);
    const chip = card(page, "object:difference-engine-no-2").locator(".ask");
    const question = await chip.innerText();
    await chip.click();
    await reply(page).getByText("1847").waitFor();
    assert.equal(await page.locator("persona-chat .row.user .body").innerText(), question);
    assert.equal(await speaker(page).innerText(), "Difference Engine No 2");
    assert.deepEqual(complaints, []);
  });

  it("on the name at the top opens the chat with Ada, whose questions stand beside", async () => {
    const { page } = await visit(await startApp());
    await listed(page);
    assert.equal(await page.locator("#hero-chips .ask").count(), 4);
    await page.locator(".actions .primary").click();
    await speaker(page).getByText("Ada Lovelace", { exact: true }).waitFor();
    await page.locator("#hero-chips .ask").first().press("Enter");
    await reply(page).getByText("Byron").first().waitFor();
  });

  it("in the Turkish page is answered in Turkish", async () => {
    const { page, complaints } = await visit(await startApp(), { locale: "tr-TR" });
    await listed(page);
    await page.locator(".timeline .ask").first().click();
    await reply(page).getByText("uçma", { exact: false }).waitFor();
    assert.deepEqual(complaints, []);
  });
});

describe("the visitor's choice", () => {
  it("of a language changes the page and the chat, and is remembered", async () => {
    const { page, complaints } = await visit(await startApp());
    await listed(page);
    await page.locator("[data-locale=tr]").click();
    await page.getByRole("heading", { name: "Yanıt veren nesneler" }).waitFor();
    assert.equal(await page.getAttribute("persona-chat", "locale"), "tr");
    await page.getByText("Lyon’da dokunmuş ipeğim").waitFor();
    assert.equal(await page.getAttribute("[data-locale=tr]", "aria-pressed"), "true");
    await page.reload();
    assert.equal(await page.getAttribute("html", "lang"), "tr");
    assert.equal(await page.getByRole("heading", { name: "Yanıt veren nesneler" }).count(), 1);
    assert.deepEqual(complaints, []);
  });

  it("of colours holds against the system's, in the chat too, until it is given up again", async () => {
    const { page } = await visit(await startApp(), { colorScheme: "light" });
    const background = () => page.evaluate<string>("getComputedStyle(document.body).backgroundColor");
    const light = await background();
    await page.locator("[data-theme-choice=dark]").click();
    const dark = await background();
    assert.notEqual(dark, light);
    assert.equal(await page.getAttribute("persona-chat", "theme"), "dark");
    await page.reload();
    assert.equal(await background(), dark);
    assert.equal(await page.getAttribute("[data-theme-choice=dark]", "aria-pressed"), "true");
    await page.locator("[data-theme-choice=auto]").click();
    assert.equal(await background(), light);
    await page.emulateMedia({ colorScheme: "dark" });
    assert.equal(await background(), dark);
  });
});

describe("without the server's lists", () => {
  it("the page shows whom it knows, says so, and takes the lists when they come", async () => {
    let isRefused = true;
    const { page } = await visitWithoutLists(await startApp(), () => isRefused);
    await page.getByText("The list could not be fetched").waitFor();
    assert.equal(await page.locator("main .card").count(), 10);
    await card(page, "object:note-g").locator(".ask").click();
    await reply(page).getByText("operation 4").waitFor();
    await page.locator("persona-chat .header .close").click();
    await card(page, "persona:researcher").locator(".speak").focus();
    isRefused = false;
    await listed(page);
    assert.equal(await page.locator("#list-note").innerText(), "");
    assert.equal(await focused(page), "Speak with the researcher");
  });

  it("and without the chat's script a press says that there is no chat", async () => {
    const url = await startApp();
    const { page } = await visit("about:blank");
    await page.route("**/widget.js", (route) => route.abort());
    await page.clock.install();
    await page.goto(url);
    await listed(page);
    await page.locator(".actions .primary").click();
    await page.clock.runFor(9_000);
    await page.locator("#chat-note").getByText("could not be loaded").waitFor();
    assert.match(await page.locator(".prose").innerText(), /Augusta Ada Byron/);
  });
});

it("without JavaScript the page can be read whole", async () => {
  const { page } = await visit(await startApp(), { javaScriptEnabled: false });
  assert.equal(await page.getByRole("heading", { name: "Note G, step by step" }).count(), 1);
  assert.equal(await page.locator(".operations tbody tr:not(.group)").count(), 25);
  assert.match(await page.locator("noscript").innerText(), /JavaScript has to be switched on/);
});
