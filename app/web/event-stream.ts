// Reads `text/event-stream` from a fetch response (HTML standard, 9.2.6). EventSource cannot send headers, and the
// token of a conversation must not stand in an address, where it would be logged.

const LINE_END = /\r\n|\n|\r/;

/** A comment is no event; by it a server shows that it is there, or why it goes. */
export type StreamPart = { readonly data: string } | { readonly comment: string };

/**
 * The data of each event and each comment, in order.
 * Rejects when the stream breaks. What follows the last blank line is no event.
 */
export async function* readEventStream(body: ReadableStream<Uint8Array>): AsyncGenerator<StreamPart> {
  let rest = "";
  let data: string[] = [];
  const decoder = new TextDecoder();
  const reader = body.getReader();
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      rest += decoder.decode(part.value, { stream: true });
      // A carriage return at the end may be the first half of a line's end.
      const held = rest.endsWith("\r") ? "\r" : "";
      const lines = rest.slice(0, rest.length - held.length).split(LINE_END);
      rest = (lines.pop() ?? "") + held;
      for (const line of lines) {
        if (line.startsWith("data:")) data.push(line.slice(line[5] === " " ? 6 : 5));
        else if (line.startsWith(":")) yield { comment: line.slice(1).trim() };
        else if (line === "" && data.length > 0) {
          yield { data: data.join("\n") };
          data = [];
        }
      }
    }
  } finally {
    // Also where the reader of the events has had enough.
    void reader.cancel().catch(() => undefined);
  }
}
