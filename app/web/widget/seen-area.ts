// How much of the window is to be seen: a phone's keyboard takes its part without telling the layout. The style sheet
// reads `--seen-height` and `--seen-top` where the open chat covers the page.

/** @param signal ends it */
export function followSeenArea(box: HTMLElement, signal: AbortSignal): void {
  const area = window.visualViewport;
  if (!area) return;
  const note = () => {
    // Zoomed in by fingers, the reader looks at a part of the chat: nothing is to be squeezed into it.
    const isZoomed = area.scale > 1.01;
    box.style.setProperty("--seen-height", isZoomed ? "100dvh" : `${area.height}px`);
    box.style.setProperty("--seen-top", isZoomed ? "0px" : `${area.offsetTop}px`);
  };
  area.addEventListener("resize", note, { signal });
  area.addEventListener("scroll", note, { signal });
  note();
}
