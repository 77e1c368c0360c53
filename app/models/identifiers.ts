// The forms of ids and tokens that come from outside. What matches here may become a Map key or a part of a
// storage key; nothing else may.

import { z } from "zod";
import { PERSONA_ID } from "./persona.ts";

/** A conversation id: 22 to 64 characters, so that 128 random bits fit (base64url). */
export const conversationIdSchema = z.string().regex(/^[A-Za-z0-9_-]{22,64}$/, "22 to 64 of A-Za-z0-9_-");

/** The secret that opens a conversation: at least 128 random bits in base64url. */
export const resumeTokenSchema = z.string().regex(/^[A-Za-z0-9_-]{22,64}$/, "22 to 64 of A-Za-z0-9_-");

/** A message, run or command id chosen by a client. */
export const shortIdSchema = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, "1 to 64 of A-Za-z0-9_-");

export const personaIdSchema = z
  .string()
  .max(64)
  .regex(PERSONA_ID, "lower-case letters, digits and single hyphens");

/** A language tag such as `tr` or `tr-TR`; only its first part is used. */
export const localeSchema = z
  .string()
  .regex(/^[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8}){0,3}$/, "a language tag such as tr or en-GB");
