// What can be done with a line of the transcript; the chat's view carries it out.

export interface RowActions {
  readonly edit: (messageId: string, text: string) => void;
  /** Answers a message again; the last one where none is named. */
  readonly regenerate: (messageId?: string) => void;
  readonly rate: (messageId: string, rating: "up" | "down", comment?: string) => void;
  /** Puts a text back into the field that it came from. */
  readonly takeBack: (text: string) => void;
  /** Says a short thing to those who cannot see it. */
  readonly announce: (text: string) => void;
}
