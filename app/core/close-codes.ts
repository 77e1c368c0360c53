// The WebSocket close codes this server sends, each with the advice it gives to the client (protocol 2.3).
// Promises: the range says it too: 4000-4499 means come back and resume, 4500-4999 means stay away.
// Does not list 1002, which ws sends by itself for a malformed frame (RFC 6455, 7.4.1).

interface CloseRow {
  readonly code: number;
  /** For people who read a network log; at most 123 bytes of UTF-8 (RFC 6455, 5.5). */
  readonly reason: string;
  /** May a client come back by itself? `later`: only at the visitor's next action. */
  readonly comeBack: boolean | "later";
}

const row = <Code extends number>(code: Code, reason: string, comeBack: CloseRow["comeBack"]) => ({
  code,
  reason,
  comeBack,
});

export const CLOSE_CODES = {
  goingAway: row(1001, "The server is going away.", true),
  unsupportedData: row(1003, "Only text frames are understood.", false),
  invalidText: row(1007, "A text frame was not valid UTF-8.", false),
  framingAbuse: row(1008, "A message came in too many pieces.", false),
  frameTooLarge: row(1009, "A frame was larger than 64 KiB.", false),
  internalError: row(1011, "Something went wrong on our side.", true),
  serviceRestart: row(1012, "The server is restarting.", true),
  serverFull: row(1013, "The server is full.", true),
  slowReader: row(4001, "The client reads too slowly.", true),
  tokenExpired: row(4003, "The access token has expired.", true),
  rateLimited: row(4006, "Too many requests.", true),
  tooManyBadFrames: row(4500, "Too many frames could not be understood.", false),
  unauthorized: row(4501, "Not signed in.", false),
  forbidden: row(4503, "Not allowed.", false),
  tooManyConnections: row(4504, "Too many connections.", false),
  idleExpired: row(4505, "Nothing was said for a long time.", "later"),
  erased: row(4506, "The conversation was erased.", false),
  joinTimeout: row(4508, "No conversation was joined in time.", false),
} as const satisfies Record<string, CloseRow>;

export type CloseName = keyof typeof CLOSE_CODES;
