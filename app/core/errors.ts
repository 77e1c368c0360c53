// The closed table of error codes and the one error class of the product.
// Promises: every code has its HTTP status, category, default wording and retry advice here and nowhere else.
// Does not: format an answer for a transport (api/ does) or log anything.

export type ErrorCategory =
  | "validation"
  | "authentication"
  | "authorization"
  | "not_found"
  | "conflict"
  | "rate_limit"
  | "external_service"
  | "storage"
  | "internal";

interface ErrorRow {
  readonly status: number;
  readonly category: ErrorCategory;
  readonly retryable: boolean;
  /** Default wording, for people: what happened and, where there is something to do, what to do. */
  readonly message: string;
}

const row = (status: number, category: ErrorCategory, retryable: boolean, message: string): ErrorRow => ({
  status,
  category,
  retryable,
  message,
});

/** Every error a client can meet. Section 4 of the protocol lists the same codes; a test compares the two. */
export const ERROR_TABLE = {
  invalid_json: row(400, "validation", false, "The text is not valid JSON."),
  invalid_frame: row(400, "validation", false, "The request does not have the expected form."),
  unsupported_type: row(400, "validation", false, "This type of request is not known here."),
  message_too_long: row(413, "validation", false, "The message is too long."),
  unsupported_media_type: row(415, "validation", false, "Send the body as application/json."),
  method_not_allowed: row(405, "validation", false, "This address does not answer that method."),
  unauthorized: row(401, "authentication", false, "Please sign in first."),
  forbidden: row(403, "authorization", false, "You may not do this."),
  origin_not_allowed: row(403, "authorization", false, "This page's origin may not connect to this server."),
  route_not_found: row(404, "not_found", false, "There is nothing at this address."),
  persona_not_found: row(404, "not_found", false, "There is no such persona."),
  conversation_not_found: row(404, "not_found", false, "There is no such conversation."),
  message_not_found: row(404, "not_found", false, "There is no such message."),
  run_not_found: row(404, "not_found", false, "There is no such run."),
  queue_full: row(409, "conflict", true, "Four messages are already waiting. Wait for an answer first."),
  already_finished: row(409, "conflict", false, "There is nothing left to stop."),
  id_conflict: row(409, "conflict", false, "This message id was already used for another text."),
  rate_limited: row(429, "rate_limit", true, "That was too fast. Please wait a moment."),
  quota_exceeded: row(429, "rate_limit", true, "The quota for now is used up."),
  banned: row(429, "rate_limit", false, "This address has been blocked for a while."),
  llm_unavailable: row(503, "external_service", true, "The language model cannot be reached."),
  llm_timeout: row(503, "external_service", true, "The language model took too long to answer."),
  llm_rejected: row(502, "external_service", false, "The language model refused to answer this."),
  llm_context_too_long: row(
    502,
    "external_service",
    false,
    "The conversation is too long for the language model.",
  ),
  run_interrupted: row(503, "external_service", true, "The reply was interrupted."),
  tool_failed: row(502, "external_service", true, "A tool that the reply needed has failed."),
  storage_unavailable: row(503, "storage", true, "The conversation cannot be stored at the moment."),
  internal_error: row(500, "internal", true, "Something went wrong on our side."),
  draining: row(503, "internal", true, "This server is restarting. Please come back in a moment."),
  overloaded: row(503, "internal", true, "The server is full. Please come back in a moment."),
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof ERROR_TABLE;

/** Whether something that came from outside is a code of the table. */
export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === "string" && Object.hasOwn(ERROR_TABLE, value);
}

export interface AppErrorOptions {
  /** Wording for people; replaces the table's. Never a stack, a path, a key or prompt text. */
  readonly message?: string;
  /** Milliseconds after which trying again makes sense. */
  readonly retryAfterMs?: number;
  /** Machine-readable particulars, such as the field that was wrong. Shown to the client. */
  readonly details?: unknown;
  /** The error underneath; kept for the log, never shown. */
  readonly cause?: unknown;
}

/** An error with a code of the table. What is not an AppError is a fault of ours: `internal_error`. */
export class AppError extends Error {
  override readonly name = "AppError";
  readonly code: ErrorCode;
  readonly status: number;
  readonly category: ErrorCategory;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
  readonly details: unknown;

  constructor(code: ErrorCode, options: AppErrorOptions = {}) {
    const entry = ERROR_TABLE[code];
    super(
      options.message ?? entry.message,
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.code = code;
    this.status = entry.status;
    this.category = entry.category;
    this.retryable = entry.retryable;
    this.retryAfterMs = options.retryAfterMs;
    this.details = options.details;
  }
}

/** Any thrown value as an AppError; what is not one becomes `internal_error` with the value as its cause. */
export function toAppError(error: unknown): AppError {
  return error instanceof AppError ? error : new AppError("internal_error", { cause: error });
}
