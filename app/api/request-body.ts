// Parses what HTTP brings in, by a zod schema, into a value or the error that names the fields.

import type { z } from "zod";
import { AppError } from "#app/core/errors.ts";

/** @throws AppError `invalid_frame` whose `details.fields` name what is wrong */
export function parseRequest<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const fields = parsed.error.issues.slice(0, 8).map(({ path, message }) => ({
    field: path.join("."),
    problem: message,
  }));
  const first = fields[0];
  throw new AppError("invalid_frame", {
    ...(first && { message: `The field "${first.field}" is wrong: ${first.problem}.` }),
    details: { fields },
  });
}
