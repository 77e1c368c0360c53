// Waits for the movements of the page: sizes and places are measured when they are over.

import type { Page } from "playwright-core";

/** What appears has appeared: an animation that is under way has sizes and colours that are none of the design's. */
export async function settled(page: Page): Promise<void> {
  await page.evaluate(`Promise.all(document.querySelector("persona-chat").shadowRoot.getAnimations()
    .map((each) => each.effect.getTiming().iterations === Infinity ? each.pause() : each.finished.catch(() => {})))`);
}
