// A second window of the same conversation, on the instance that survives: it writes down every frame as it comes and
// judges at the end whether something was lost or said twice. It uses nothing of the client library, so that the
// library's own bookkeeping cannot hide a fault.

export interface Verdict {
  readonly events: number;
  readonly runs: number;
  readonly problems: readonly string[];
}

export interface Frame {
  readonly [field: string]: unknown;
}

export interface Witness {
  /** The frames so far, in the order in which they came. */
  readonly frames: readonly Frame[];
  close(): void;
}

/** Joins the conversation; resolves when what it has said so far has come. */
export function openWitness(
  url: string,
  pair: { conversationId: string; resumeToken: string },
): Promise<Witness> {
  const frames: Frame[] = [];
  const socket = new WebSocket(url);
  const { promise, resolve, reject } = Promise.withResolvers<Witness>();
  const { conversationId, resumeToken } = pair;
  socket.onopen = () => socket.send(JSON.stringify({ type: "join", conversationId, resumeToken }));
  socket.onclose = ({ code }) => reject(new Error(`the second window was closed with ${code}`));
  socket.onmessage = ({ data }) => {
    const frame: Frame = JSON.parse(String(data));
    frames.push(frame);
    if (frame.name === "replayed") resolve({ frames, close: () => socket.close() });
  };
  return promise;
}

/**
 * Holds the numbered events of one conversation against what must be: numbers that grow by one, every run with one
 * start and one end, the interrupted one followed by exactly one that repeats it, whose deltas are the whole text.
 * @param text what the model said
 */
export function judge(frames: readonly Frame[], text: string): Verdict {
  const events = frames.filter(({ seq }) => typeof seq === "number");
  const starts = events.filter(({ type }) => type === "RUN_STARTED");
  const ends = events.filter(({ type }) => type === "RUN_FINISHED" || type === "RUN_ERROR");
  const [first, second] = starts;
  const said = deltasAfter(events, second);
  const gaps = events.filter((event, index) => index > 0 && event.seq !== Number(events[index - 1]?.seq) + 1);
  const problems = [
    gaps.length > 0 && `${gaps.length} gaps or repeats in the numbers of the events`,
    starts.length !== 2 && `${starts.length} replies were begun, and not 2`,
    ends.length !== starts.length && `${starts.length} replies were begun and ${ends.length} ended`,
    ends[0]?.code !== "run_interrupted" && "the reply of the dead process did not end as run_interrupted",
    ends[1]?.type !== "RUN_FINISHED" && "the repeated reply did not finish",
    first?.runId !== second?.parentRunId && "the second reply does not say that it repeats the first",
    said !== text && `the words differ from the model's: ${said.length} characters of ${text.length}`,
    !text.startsWith(deltasAfter(events, first, second)) &&
      "the interrupted words are no beginning of the text",
  ];
  return {
    events: events.length,
    runs: starts.length,
    problems: problems.filter((problem) => problem !== false),
  };
}

/** What a window that opens now is shown: `role: text` of each message of the last snapshot. */
export function shownHistory(frames: readonly Frame[]): string[] {
  const snapshot = frames.findLast(({ type }) => type === "MESSAGES_SNAPSHOT");
  const messages: Frame[] = Array.isArray(snapshot?.messages) ? snapshot.messages : [];
  return messages.map(({ role, content }) => `${String(role)}: ${String(content)}`);
}

/** The words between the start of one run and the start of another, or the end. */
function deltasAfter(events: readonly Frame[], from: Frame | undefined, to?: Frame): string {
  if (!from) return "";
  const between = events.slice(events.indexOf(from), to ? events.indexOf(to) : undefined);
  return between.map(({ type, delta }) => (type === "TEXT_MESSAGE_CONTENT" ? delta : "")).join("");
}
