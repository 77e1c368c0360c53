// Who may import whom: layers, one door for each package, the form of a specifier, no cycles.
// Promises: type imports count like any other, but where a rule says otherwise. Findings name file and line.

import { dirname, join } from "node:path/posix";
import type { Finding } from "./house-rules.ts";
import type { ImportFact, SourceFacts } from "./source-facts.ts";

/** From the lowest to the highest; a file may import its own room and what stands before it. */
const LAYERS = [
  "app/core/",
  "app/models/",
  "app/services/llm/",
  "app/services/chatbot/",
  "app/services/",
  "app/api/",
];
const TOP = ["app/app.ts", "app/main.ts"];
const WEB = "app/web/";
/** Runs under Node when the package is installed, and is not part of what it bundles. */
const WEB_BUILD = "app/web/bundle.ts";
const MODELS_PACKAGES = new Set(["zod", "@ag-ui/core"]);
const MODELS_FROM_CORE = "app/core/errors.ts";

/** Where a package may be imported; a door ending in `/` is a whole room. Sub-paths and plug-ins count by prefix. */
const DOORS: Readonly<Record<string, readonly string[]>> = {
  ws: ["app/core/websocket.ts", "app/core/connection.ts"],
  ioredis: ["app/core/redis.ts", "app/core/redis-client.ts"],
  pino: ["app/core/logging.ts"],
  "pino-pretty": ["app/core/logging.ts"],
  "prom-client": ["app/core/metrics.ts"],
  cockatiel: ["app/core/resilience.ts"],
  "rate-limiter-flexible": ["app/core/rate-limit.ts"],
  nodemailer: ["app/core/mail.ts"],
  "@langchain/openai": ["app/services/llm/"],
  "@langchain/langgraph": ["app/services/chatbot/agent.ts"],
  "gray-matter": ["app/services/chatbot/persona-files/markdown-file.ts"],
  fastify: ["app/app.ts", "app/api/"],
};

/** Packages whose types may be named outside their door: what a type says costs nothing to replace. */
const TYPES_ANYWHERE = new Set(["ioredis"]);

/** Every import rule over all files of app/ together. */
export function checkImports(files: readonly SourceFacts[]): Finding[] {
  const known = new Set(files.map(({ path }) => path));
  const single = files.flatMap((file) =>
    file.imports.flatMap((imported) => {
      const target = targetOf(file.path, imported.specifier);
      return [...problemsOf(file.path, imported, target), ...missing(imported, target, known)].map(
        (problem) => ({
          path: file.path,
          line: imported.line,
          problem,
        }),
      );
    }),
  );
  return [...single, ...findCycles(files)];
}

/** The imported file's path in the repository, or undefined for a package or a module of Node. */
function targetOf(path: string, specifier: string): string | undefined {
  if (specifier.startsWith("#app/")) return `app/${specifier.slice("#app/".length)}`;
  return specifier.startsWith(".") ? join(dirname(path), specifier) : undefined;
}

function problemsOf(path: string, imported: ImportFact, target: string | undefined): string[] {
  const { specifier } = imported;
  const problems: (string | false)[] = [
    specifier.split("/").includes("..") && `${specifier}: across rooms write #app/…, inside a room ./`,
    specifier.startsWith("#app/") && !TOP.includes(path) && dirname(target ?? "") === dirname(path)
      ? `${specifier} is in the same room: write ./`
      : false,
    specifier.startsWith("./") && target !== undefined && folderRoomOf(target) !== folderRoomOf(path)
      ? `${specifier} is another room: write #app/…`
      : false,
    target === undefined ? packageProblem(path, imported) : layerProblem(path, target, imported.typeOnly),
  ];
  return problems.filter((problem) => problem !== false);
}

function missing(
  { specifier }: ImportFact,
  target: string | undefined,
  known: ReadonlySet<string>,
): string[] {
  return target?.endsWith(".ts") && !known.has(target) ? [`${specifier} does not exist`] : [];
}

/** The layer a file belongs to (`app/core/`), or the file itself at the top of app/. */
function roomOf(path: string): string {
  return [WEB, ...LAYERS].find((layer) => path.startsWith(layer)) ?? path;
}

/** The same for the form of a specifier: the files at the top of app/ share a room. */
function folderRoomOf(path: string): string {
  return TOP.includes(path) ? "app/" : roomOf(path);
}

function layerProblem(path: string, target: string, typeOnly: boolean): string | false {
  const [from, to] = [roomOf(path), roomOf(target)];
  if (from === to && LAYERS.concat(WEB).includes(from)) return false;
  if (from === WEB) {
    return to === "app/models/" && typeOnly
      ? false
      : `browser code may import only types of app/models/, not ${target}`;
  }
  if (to === WEB) return `${target} is browser code: the server does not import it`;
  const order = [...LAYERS, ...TOP];
  if (!order.includes(from) || !order.includes(to)) {
    return `no rule knows the layer of ${order.includes(from) ? target : path}: add it to LAYERS`;
  }
  if (order.indexOf(to) > order.indexOf(from)) return `${to} is above ${from}: imports point down only`;
  if (from === "app/models/" && target !== MODELS_FROM_CORE)
    return `models import only ${MODELS_FROM_CORE} of core`;
  return false;
}

function packageProblem(path: string, { specifier, typeOnly }: ImportFact): string | false {
  const name = specifier.startsWith("@") ? specifier.split("/", 2).join("/") : specifier.replace(/\/.*$/, "");
  if (path.startsWith("app/models/") && !MODELS_PACKAGES.has(name)) return `models import no ${name}`;
  if (path.startsWith(WEB) && path !== WEB_BUILD && specifier.startsWith("node:"))
    return `browser code cannot import ${specifier}`;
  if (/^(?:node:)?process$/.test(specifier) && ![WEB_BUILD, "app/main.ts"].includes(path))
    return "the process belongs to main.ts";
  const doors = Object.hasOwn(DOORS, name) ? DOORS[name] : undefined;
  if (doors === undefined || (typeOnly && TYPES_ANYWHERE.has(name))) return false;
  const isDoor = doors.some((door) => (door.endsWith("/") ? path.startsWith(door) : path === door));
  return isDoor ? false : `${name} has one door: ${doors.join(", ")}`;
}

/** One finding a cycle, at the import that closes it. */
function findCycles(files: readonly SourceFacts[]): Finding[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const done = new Set<string>();
  const findings: Finding[] = [];
  const visit = (file: SourceFacts, trail: readonly string[]): void => {
    if (done.has(file.path)) return;
    const here = [...trail, file.path];
    for (const { specifier, line } of file.imports) {
      const target = byPath.get(targetOf(file.path, specifier) ?? "");
      if (target === undefined) continue;
      const start = here.indexOf(target.path);
      if (start < 0) visit(target, here);
      else
        findings.push({
          path: file.path,
          line,
          problem: `cycle: ${[...here.slice(start), target.path].join(" → ")}`,
        });
    }
    done.add(file.path);
  };
  for (const file of files) visit(file, []);
  return findings;
}
