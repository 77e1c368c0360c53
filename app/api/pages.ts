// The page at `/` with its three files, and what other origins may load: the client library (`/client.js`) and the
// widget (`/widget.js`). Served from memory as the bundle left them.
// Promises: nothing is read after the start; a strict policy that lets in no foreign script, style or connection; of
// all files only those two may be loaded by other origins.
// Compressed once, at the start: a visitor of a server without a proxy waits for a third of the bytes.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { constants, gzipSync } from "node:zlib";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

export interface PagesOptions {
  /** Folder with the bundle; `app/web/dist` where absent. */
  readonly bundleDir?: string;
}

/** Where a file is served, its name in the bundle, its media type. */
interface PageFile {
  readonly path: string;
  readonly name: string;
  readonly type: string;
  /** Pages of every origin may import it. */
  readonly isPublic?: true;
  /** `no-cache` where absent: kept, and asked for again at every use. */
  readonly cacheControl?: string;
}

interface ServedFile extends PageFile {
  readonly content: Buffer;
  /** The same, compressed. */
  readonly gzipped: Buffer;
  readonly etag: string;
}

const BUNDLE_DIR = join(import.meta.dirname, "../web/dist");

const FILES: readonly PageFile[] = [
  { path: "/", name: "page.html", type: "text/html; charset=utf-8" },
  { path: "/assets/page.js", name: "page.js", type: "text/javascript; charset=utf-8" },
  { path: "/assets/page.css", name: "page.css", type: "text/css; charset=utf-8" },
  { path: "/favicon.svg", name: "favicon.svg", type: "image/svg+xml; charset=utf-8" },
  { path: "/client.js", name: "client.js", type: "text/javascript; charset=utf-8", isPublic: true },
  {
    path: "/widget.js",
    name: "widget.js",
    type: "text/javascript; charset=utf-8",
    isPublic: true,
    // Every view of an embedding page asks for it: five minutes without a question, for a day while it is asked again.
    cacheControl: "public, max-age=300, stale-while-revalidate=86400",
  },
];

// `connect-src 'self'` covers the WebSocket of the same host, too (CSP 3, section 6.7.2.8).
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

// A module script of another origin is always asked for with CORS (HTML, "fetch a module script graph"); the second
// header lets it into pages that isolate themselves (COEP `require-corp`). The file holds nothing of a visitor.
const PUBLIC_HEADERS = {
  "access-control-allow-origin": "*",
  "cross-origin-resource-policy": "cross-origin",
} as const;

/**
 * Mounts the page.
 * @throws where the bundle is missing, with the command that makes it
 */
export function registerPages(app: FastifyInstance, options: PagesOptions = {}): void {
  const { bundleDir = BUNDLE_DIR } = options;
  for (const file of FILES) {
    const content = readBundled(bundleDir, file.name);
    const etag = `"${createHash("sha256").update(content).digest("base64url").slice(0, 22)}"`;
    const gzipped = gzipSync(content, { level: constants.Z_BEST_COMPRESSION });
    app.get(file.path, (request, reply) => answer(request, reply, { ...file, content, gzipped, etag }));
  }
}

function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  { content, gzipped, etag, type, isPublic, cacheControl = "no-cache" }: ServedFile,
): FastifyReply {
  const isGzipped = takesGzip(request.headers["accept-encoding"]);
  reply.headers({
    // Weak where it is compressed: another representation of the same (RFC 9110, 8.8.3).
    etag: isGzipped ? `W/${etag}` : etag,
    vary: "Accept-Encoding",
    "cache-control": cacheControl,
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    ...(isPublic ? PUBLIC_HEADERS : {}),
  });
  if (isKnown(request.headers["if-none-match"], etag)) return reply.code(304).send();
  if (isGzipped) reply.header("content-encoding", "gzip");
  return reply.type(type).send(isGzipped ? gzipped : content);
}

/** Whether gzip is named and not excluded by `q=0` (RFC 9110, 12.5.3). */
function takesGzip(header: string | string[] | undefined): boolean {
  const codings = String(header ?? "").split(",");
  return codings.some((coding) => {
    const [name = "", ...parameters] = coding.split(";").map((part) => part.trim().toLowerCase());
    return name === "gzip" && !parameters.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter));
  });
}

/** Weak comparison, as If-None-Match asks for (RFC 9110, 13.1.2). */
function isKnown(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  const known = header.split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  return known.includes(etag) || known.includes("*");
}

function readBundled(bundleDir: string, name: string): Buffer {
  try {
    return readFileSync(join(bundleDir, name));
  } catch (cause) {
    throw new Error(`The page's ${name} is missing. Make it with: npm run prepare`, { cause });
  }
}
