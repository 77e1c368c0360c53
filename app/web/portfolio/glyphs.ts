// Draws the emblems of the people and objects when the bundle is made, as symbols that the cards refer to by id. An
// object that has none of its own gets `glyph-any`. Every drawing is 120 by 80 and takes the colour of its text.

const LINES = 'fill="none" stroke="currentColor" stroke-width="1.2"';

/** One SVG that holds all symbols and shows nothing. */
export function glyphs(): string {
  const drawings: Readonly<Record<string, string>> = {
    engineer: engineer(),
    researcher: fraction(),
    speaker: quotation(),
    educator: differences(),
    "analytical-engine": analyticalEngine(),
    "difference-engine-piece": differenceEnginePiece(),
    "difference-engine-no-2": differenceEngineNo2(),
    "jacquard-card": jacquardCard(8, 4),
    "jacquard-portrait": wovenPortrait(),
    "note-g": noteG(),
    any: jacquardCard(5, 3),
  };
  const symbols = Object.entries(drawings).map(
    ([id, drawing]) => `<symbol id="glyph-${id}" viewBox="0 0 120 80">${drawing}</symbol>`,
  );
  return `<svg class="symbols" width="0" height="0" aria-hidden="true" focusable="false">${symbols.join("")}</svg>`;
}

function times(count: number, draw: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => draw(index)).join("");
}

/** A column of figure wheels. */
function column(x: number, y: number, wheels: number, step = 7): string {
  const axle = `<path d="M${x + 6} ${y - 4}v${wheels * step + 6}"/>`;
  return (
    axle +
    times(wheels, (i) => `<rect x="${x}" y="${y + i * step}" width="12" height="${step - 2}" rx="1.5"/>`)
  );
}

function engineer(): string {
  const cog = times(12, (i) => {
    const angle = (i * Math.PI) / 6;
    const point = (radius: number) =>
      `${(60 + radius * Math.cos(angle)).toFixed(1)} ${(40 + radius * Math.sin(angle)).toFixed(1)}`;
    return `<path stroke-width="5" d="M${point(24)}L${point(30)}"/><path d="M${point(8)}L${point(24)}"/>`;
  });
  return `<g ${LINES}><circle cx="60" cy="40" r="24"/><circle cx="60" cy="40" r="8"/>${cog}</g>`;
}

function fraction(): string {
  return `<g class="figures"><text x="36" y="51" font-size="34">−</text><text x="74" y="34" text-anchor="middle" font-size="30">1</text><text x="74" y="70" text-anchor="middle" font-size="30">30</text></g><path ${LINES} d="M54 41h40"/>`;
}

function quotation(): string {
  return '<g class="figures"><text x="60" y="104" text-anchor="middle" font-size="118">“</text></g>';
}

/** The squares, their differences, and the differences of these. */
function differences(): string {
  const rows = [
    { y: 24, x: 15, figures: [1, 4, 9, 16] },
    { y: 47, x: 30, figures: [3, 5, 7] },
    { y: 70, x: 45, figures: [2, 2] },
  ];
  const texts = rows.flatMap(({ y, x, figures }) =>
    figures.map(
      (figure, i) => `<text x="${x + i * 30}" y="${y}" text-anchor="middle" font-size="19">${figure}</text>`,
    ),
  );
  return `<g class="figures">${texts.join("")}</g>`;
}

/** All drawing and hardly any brass: dashed, but for one small part. */
function analyticalEngine(): string {
  const store = times(5, (i) => column(6 + i * 17, 12, 8));
  const mill =
    '<circle cx="103" cy="44" r="13"/><circle cx="103" cy="44" r="5"/><path d="M103 31v-9M90 44h-4M103 57v9"/>';
  return `<g ${LINES} stroke-dasharray="2 2.2" opacity=".75">${store}${mill}</g><g ${LINES} stroke-width="1.6">${column(40, 47, 3)}</g>`;
}

function differenceEnginePiece(): string {
  const frame = '<path d="M24 10h72M24 72h72M28 10v62M92 10v62M60 10V3h14"/><circle cx="76" cy="3" r="2"/>';
  return `<g ${LINES}>${frame}${times(3, (i) => column(37 + i * 17, 18, 7))}</g>`;
}

function differenceEngineNo2(): string {
  const frame = '<path d="M4 16h96M4 70h96M8 16v54M96 16v54M96 43h12v14"/><circle cx="108" cy="59" r="2.4"/>';
  const columns = times(6, (i) => column(13 + i * 13.6, 22, 8, 5.6).replaceAll('width="12"', 'width="10"'));
  return `<g ${LINES} stroke-width="1">${frame}${columns}</g>`;
}

function jacquardCard(columns: number, rows: number): string {
  const isPunched = (x: number, y: number) => (x * 5 + y * 3 + x * y) % 4 < 2;
  const [left, top] = [60 - ((columns - 1) * 11) / 2, 40 - ((rows - 1) * 11) / 2];
  const holes = times(columns * rows, (i) => {
    const [x, y] = [i % columns, Math.floor(i / columns)];
    return isPunched(x, y)
      ? `<circle cx="${left + x * 11}" cy="${top + y * 11}" r="3.2" fill="currentColor"/>`
      : `<circle cx="${left + x * 11}" cy="${top + y * 11}" r=".8" fill="currentColor"/>`;
  });
  const card = '<path d="M8 12h104v56H8zM14 0v12M106 0v12M14 68v12M106 68v12"/>';
  return `<g ${LINES}>${card}</g>${holes}`;
}

/** A bust that shows only because threads grow thicker. */
function wovenPortrait(): string {
  const halfWidth = (y: number) => {
    if (y >= 18 && y <= 47) return 12 * Math.sqrt(1 - ((y - 33) / 15.5) ** 2);
    if (y > 47 && y < 53) return 6;
    return y >= 53 ? Math.min(26, 8 + 18 * Math.sqrt((y - 52) / 18)) : 0;
  };
  const threads = times(26, (i) => {
    const y = 8 + i * 2.5;
    const half = halfWidth(y);
    if (half < 1) return `<path stroke-width=".5" d="M28 ${y}h64"/>`;
    return `<path stroke-width=".5" d="M28 ${y}H${(60 - half).toFixed(1)}M${(60 + half).toFixed(1)} ${y}H92"/><path stroke-width="1.7" d="M${(60 - half).toFixed(1)} ${y}h${(half * 2).toFixed(1)}"/>`;
  });
  return `<g fill="none" stroke="currentColor"><path stroke-width="1.4" d="M22 2h76v76H22z"/>${threads}</g>`;
}

function noteG(): string {
  const rows = times(
    10,
    (i) => `<path d="M38 ${24 + i * 4.6}h6M48 ${24 + i * 4.6}h12M64 ${24 + i * 4.6}h${8 + ((i * 7) % 11)}"/>`,
  );
  const sheet =
    '<path d="M30 4h60v72H30zM38 13h44"/><path d="M84 42q3 0 3 3v8q0 3 3 3q-3 0-3 3v6q0 3-3 3" stroke-width="1"/>';
  return `<g ${LINES} stroke-width="1">${sheet}${rows}</g>`;
}
