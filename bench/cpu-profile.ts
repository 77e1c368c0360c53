// Reads a V8 CPU profile: where a server spent its time, and on whose behalf.

import { readFileSync } from "node:fs";

/** What is read of a `.cpuprofile`. */
interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const ORIGINS = 10;

/** Microseconds by place. */
type Times = Map<string, number>;

/**
 * Three lists as lines of text, in microseconds a unit (a token, a turn): whose code took the time; the functions with
 * the most time of their own; and the server's own functions with the time of everything they called.
 */
export function heaviest(path: string, units: number, unit: string, count: number): string {
  const profile: CpuProfile = JSON.parse(readFileSync(path, "utf8"));
  const { own, whole, busy } = addUp(profile);
  const ours = new Map([...whole].filter(([place]) => / (?:app|bench)\//.test(place)));
  return [
    `${(busy / units).toFixed(2)} µs a ${unit}. By origin:`,
    ...toLines(byOrigin(own), units, busy, ORIGINS),
    "Own time:",
    ...toLines(own, units, busy, count),
    "With what they called:",
    ...toLines(ours, units, busy, count),
  ].join("\n");
}

function addUp({ nodes, samples, timeDeltas }: CpuProfile): { own: Times; whole: Times; busy: number } {
  const places = new Map(nodes.map((node) => [node.id, placeOf(node.callFrame)]));
  const parents = new Map(nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node.id])));
  const own: Times = new Map();
  const whole: Times = new Map();
  let busy = 0;
  for (const [index, id] of samples.entries()) {
    const place = places.get(id) ?? "";
    if (place === "(idle)") continue;
    const micros = timeDeltas[index + 1] ?? 0;
    busy += micros;
    add(own, place, micros);
    // A function that is on the stack twice is counted once.
    const stack = new Set<string>();
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at))
      stack.add(places.get(at) ?? "");
    for (const each of stack) add(whole, each, micros);
  }
  return { own, whole, busy };
}

/** A package, ours, Node's JavaScript, or what has no file: native code and the collector. */
function byOrigin(own: Times): Times {
  const origins: Times = new Map();
  for (const [place, micros] of own) {
    const file = place.slice(place.lastIndexOf(" ") + 1);
    const from = /^(?:node_modules\/(?:@[^/]+\/)?[^/]+|app|bench|node)(?=[/:])/.exec(file);
    add(origins, from?.[0] ?? (place.startsWith("(") ? place : "native code"), micros);
  }
  return origins;
}

function add(times: Times, place: string, micros: number): void {
  times.set(place, (times.get(place) ?? 0) + micros);
}

function toLines(times: Times, units: number, busy: number, count: number): string[] {
  return [...times]
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, count)
    .map(([place, micros]) => {
      const share = ((100 * micros) / busy).toFixed(1);
      return `${(micros / units).toFixed(3).padStart(11)} µs ${share.padStart(5)} %  ${place}`;
    });
}

function placeOf({ functionName, url, lineNumber }: CpuProfile["nodes"][number]["callFrame"]): string {
  const name = functionName || "(anonymous)";
  const file = url.replace(/^.*\/(?=(?:app|bench|node_modules)\/)/, "");
  return file === "" ? name : `${name} ${file}:${lineNumber + 1}`;
}
