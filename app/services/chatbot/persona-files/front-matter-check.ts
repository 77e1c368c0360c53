// Front matter against its schema, every finding at its key's place.

import { z } from "zod";
import { didYouMean } from "./did-you-mean.ts";
import type { FrontMatter } from "./markdown-file.ts";
import type { ProblemList } from "./persona-problems.ts";

type Issue = z.core.$ZodIssue;

export interface FrontMatterCheck<Value> {
  /** What is right: everything, or all top-level keys but the broken ones, so that further checks can go on. */
  readonly value: Partial<Value>;
  /** Top-level keys with a fault. */
  readonly broken: ReadonlySet<string>;
}

/** Reports every fault of the data; undefined when it is not a list of keys at all. */
export function checkFrontMatter<Shape extends z.core.$ZodLooseShape>(
  schema: z.ZodObject<Shape, z.core.$strict>,
  frontMatter: FrontMatter,
  problems: ProblemList,
): FrontMatterCheck<z.infer<z.ZodObject<Shape, z.core.$strict>>> | undefined {
  const { data } = frontMatter;
  if (typeof data !== "object" || data === null || Array.isArray(data)) {
    problems.error("schema", frontMatter.positionOf([]), "The front matter must be a list of keys.");
    return undefined;
  }
  const value: Record<string, unknown> = Object.create(null);
  const broken = new Set<string>();
  const parsed = schema.safeParse(data);
  if (parsed.success) return { value: parsed.data, broken };
  for (const issue of parsed.error.issues) {
    for (const plain of flatten(issue, [])) report(plain, schema, frontMatter, problems);
    if (issue.path.length > 0) broken.add(String(issue.path[0]));
  }
  for (const [key, field] of Object.entries(schema.shape)) {
    const raw: unknown = Object.hasOwn(data, key) ? Reflect.get(data, key) : undefined;
    if (raw === undefined || broken.has(key)) continue;
    value[key] = z.parse(field, raw);
  }
  return { value: value as Partial<z.infer<typeof schema>>, broken };
}

/** Of a union that nothing fits, the branch that came furthest says best what is wrong. */
function flatten(issue: Issue, prefix: readonly PropertyKey[]): Issue[] {
  const path = [...prefix, ...issue.path];
  if (issue.code !== "invalid_union" || issue.errors.length === 0) return [{ ...issue, path }];
  const branches = issue.errors.map((branch) => branch.flatMap((inner) => flatten(inner, path)));
  const score = (branch: Issue[]): number =>
    Math.max(...branch.map((inner) => inner.path.length * 2 + Number(inner.code !== "invalid_type")));
  const best = branches.reduce((a, b) => (score(b) > score(a) ? b : a));
  const alternatives = branches.every((branch) => branch.every((inner) => inner.path.length === path.length));
  const kinds = branches.flat().map((inner) => (inner.code === "invalid_type" ? inner.expected : undefined));
  if (!alternatives || kinds.includes(undefined)) return best;
  return [{ ...issue, path, message: `Invalid input: expected ${[...new Set(kinds)].join(" or ")}` }];
}

function report(
  issue: Issue,
  schema: z.core.$ZodType,
  frontMatter: FrontMatter,
  problems: ProblemList,
): void {
  if (issue.code === "unrecognized_keys") {
    const known = knownKeys(schema, issue.path);
    for (const key of issue.keys) {
      const message = `"${key.slice(0, 40)}" is not a known key${didYouMean(key, known)}`;
      problems.error("unknown-key", frontMatter.positionOf([...issue.path, key]), message);
    }
    return;
  }
  const inner = issue.code === "invalid_key" ? issue.issues[0]?.message : undefined;
  const where = issue.path.map(String).join(".");
  problems.error("schema", frontMatter.positionOf(issue.path), `${where}: ${inner ?? issue.message}`);
}

/** The keys that the schema has at a path: every branch of a union counts. */
function knownKeys(schema: z.core.$ZodType, path: readonly PropertyKey[]): string[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable) {
    return knownKeys(schema.unwrap(), path);
  }
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((option) => knownKeys(option, path));
  const [step, ...rest] = path;
  if (schema instanceof z.ZodObject) {
    if (step === undefined) return Object.keys(schema.shape);
    const field: z.core.$ZodType | undefined = schema.shape[String(step)];
    return field === undefined ? [] : knownKeys(field, rest);
  }
  if (step === undefined) return [];
  if (schema instanceof z.ZodArray) return knownKeys(schema.element, rest);
  if (schema instanceof z.ZodRecord) return knownKeys(schema.valueType, rest);
  return [];
}
