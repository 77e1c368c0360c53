// The widget's drawings, as strokes on a grid of 24: made by the DOM, never from markup.

const PATHS = {
  send: "M12 20V5M5.5 11.5 12 5l6.5 6.5",
  close: "M6 6l12 12M18 6 6 18",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  chevron: "m6 9.5 6 6 6-6",
  down: "M12 5v14M6 13l6 6 6-6",
  edit: "M4 20l1-4L16.5 4.5a1.8 1.8 0 0 1 2.6 0l.4.4a1.8 1.8 0 0 1 0 2.6L8 19l-4 1zM14.5 6.5l3 3",
  again: "M19.5 12a7.5 7.5 0 1 1-2.2-5.3L19.5 9M19.5 4v5h-5",
  copy: "M9 9h10.5v10.5H9zM15 9V4.5H4.5V15H9",
  check: "m5 12.5 4.5 4.5L19 7.5",
  up: "M8 20H4.5v-9.5H8zM8 11l4-7.5c1.6 0 2.6 1.1 2.4 2.7L14 9.5h4.6c1.3 0 2.2 1.2 1.9 2.4l-1.6 6.4c-.3 1-1.1 1.7-2.2 1.7H8",
  anew: "M12 5v14M5 12h14",
  save: "M12 4v11M7 10.5l5 5 5-5M5 20h14",
  erase: "M5 7h14M10 7V4.5h4V7M7 7l.8 12.5h8.4L17 7M10.5 11v5M13.5 11v5",
} as const;

export type IconName = keyof typeof PATHS;

const SVG = "http://www.w3.org/2000/svg";

export function createIcon(name: IconName): SVGSVGElement {
  return createDrawing("icon", "0 0 24 24", [createShape("path", { d: PATHS[name] })]);
}

/** The sign of the house: a punched card. Nine of its places are holes. */
export function createCard(): SVGSVGElement {
  const holes: readonly (readonly [number, number])[] = [
    [11, 10.5],
    [19.5, 10.5],
    [36.5, 10.5],
    [11, 17.5],
    [28, 17.5],
    [36.5, 17.5],
    [19.5, 24.5],
    [28, 24.5],
    [36.5, 24.5],
  ];
  return createDrawing("card", "0 0 48 34", [
    createShape("path", { d: "M2.5 2.5h36l7 7v22h-43z" }),
    ...holes.map(([cx, cy]) => createShape("circle", { cx, cy, r: 2.1 })),
  ]);
}

function createDrawing(name: string, viewBox: string, shapes: readonly SVGElement[]): SVGSVGElement {
  const drawing = createShape("svg", { class: name, viewBox, "aria-hidden": "true" });
  drawing.append(...shapes);
  return drawing;
}

function createShape<Tag extends "svg" | "path" | "circle">(
  tag: Tag,
  attributes: Readonly<Record<string, string | number>>,
): SVGElementTagNameMap[Tag] {
  const shape = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) shape.setAttribute(name, String(value));
  return shape;
}
