// The widget's style sheet: one for all widgets of a page. A constructed sheet needs no `style-src` of the page's
// content policy, which an element or an attribute would.

/** The text of widget.css, put in by the bundle. */
declare const PARLEY_WIDGET_CSS: string;

let made: CSSStyleSheet | undefined;

export function widgetSheet(): CSSStyleSheet {
  if (!made) {
    made = new CSSStyleSheet();
    made.replaceSync(PARLEY_WIDGET_CSS);
  }
  return made;
}
