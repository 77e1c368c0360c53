// What goes on over the connections of a conversation: opens it on each, sends what waits, hands on what comes.
// Promises: what a connection owes is forgotten with it and asked for again on the next; frames of a conversation that
// has been left are not heard. Knows what is shown only by the store.

import type { ClientFrame } from "#app/models/client-frame.ts";
import type { ConnectionFrames } from "#app/models/server-event.ts";
import type { ServerAddresses } from "./addresses.ts";
import type { ChatClientOptions } from "./client-options.ts";
import type { ClientStore } from "./client-store.ts";
import { defined } from "./defined.ts";
import { EventStreamTransport } from "./event-stream-transport.ts";
import { Joining, TRY_AGAIN_MS } from "./joining.ts";
import { Link } from "./link.ts";
import { Outbox } from "./outbox.ts";
import { type Command, PendingCommands } from "./pending-commands.ts";
import { ReadingReceipts } from "./reading-receipts.ts";
import { type ConnectionFrame, parseServerFrame, type ServerFrame } from "./server-frame.ts";
import type { ConversationState, Problem } from "./transcript.ts";
import { Typing } from "./typing.ts";
import { Watch } from "./watch.ts";
import { WebSocketTransport } from "./web-socket-transport.ts";

/** Of a connection that ended because the conversation did. */
const ERASED = "conversation_not_found";

export class Dialogue {
  /** Set while the visitor erases it here: what comes of it is no news then. */
  isErasing = false;
  readonly #addresses: ServerAddresses;
  readonly #store: ClientStore;
  readonly link: Link;
  readonly joining: Joining;
  readonly typing: Typing;
  readonly #outbox: Outbox;
  readonly #commands: PendingCommands;
  readonly #watch: Watch;
  readonly #receipts: ReadingReceipts;
  /** The log's past has been told on this connection: what it does not show has not happened. */
  #hasCaughtUp = false;

  constructor(store: ClientStore, addresses: ServerAddresses, options: ChatClientOptions) {
    this.#store = store;
    this.#addresses = addresses;
    this.link = this.#createLink(options);
    const send = (frame: ClientFrame) => this.link.send(frame);
    const sendJoined = (frame: ClientFrame) => this.#state.joined && send(frame);
    const { persona, locale } = options;
    this.joining = new Joining({ store, send, persona, locale, onUnknown: () => this.#lose() });
    this.typing = new Typing({
      send: sendJoined,
      onOthers: (othersTyping) => store.apply({ type: "typing", othersTyping }),
    });
    this.#outbox = new Outbox(send);
    this.#commands = new PendingCommands(send);
    this.#watch = new Watch(this.link, options.patienceMs);
    this.#receipts = new ReadingReceipts((seq) => void sendJoined({ type: "ack", seq }));
  }

  /** To be called at every change of the store. What does not outlive a connection goes before anybody hears of its end. */
  changed(): void {
    if (!this.#state.joined) this.#disconnected();
    this.#watchLine();
  }

  /** Sends what waits, as far as the connection allows. */
  flush(): void {
    if (!this.#state.joined) return;
    if (this.#hasCaughtUp) this.#commands.flush(this.#state);
    this.#outbox.flush(this.#state.unsent);
    this.#watchLine();
  }

  /** Asks for something that is answered, over however many connections. */
  command(command: Command): void {
    this.#commands.add(command, this.#state);
    this.link.open();
    this.flush();
  }

  awaits(type: Command["type"]): boolean {
    return this.#commands.has(type);
  }

  /** Another conversation with the same partner; `action` says what becomes of what is shown. */
  begin(action: Parameters<ClientStore["begin"]>[0]): void {
    this.joining.keepPersona();
    this.#commands.clear();
    this.#store.begin(action);
  }

  close(): void {
    this.joining.cancel();
    this.#disconnected();
    this.#watch.close();
    this.link.close();
  }

  get #state(): ConversationState {
    return this.#store.state;
  }

  #createLink(options: ChatClientOptions): Link {
    const addresses = this.#addresses;
    return new Link({
      createTransport: (name) =>
        name === "sse" ? new EventStreamTransport(addresses) : new WebSocketTransport(addresses.socket),
      probeUrl: () => addresses.probe(this.joining.persona),
      backoff: options.backoff,
      random: options.random,
      openTimeoutMs: options.openTimeoutMs,
      onOpen: () => this.joining.join(),
      onText: (text) => this.#receive(text),
      onSign: () => this.#watch.heard(),
      onState: (link) => {
        this.#store.apply({ type: "link", link, transport: this.link.transport });
        if (link.status === "stopped" && link.code === ERASED) this.#erased();
      },
    });
  }

  #disconnected(): void {
    this.#hasCaughtUp = false;
    this.#outbox.forget();
    this.#commands.disconnected();
    this.#receipts.reset(0);
    this.typing.reset();
  }

  /** Silence is a fault only while the server owes something: a join, an acceptance, a reply. */
  #watchLine(): void {
    const { link, joined, run } = this.#state;
    const isOwed = !joined || this.#outbox.isWaiting || this.#commands.isWaiting || run !== undefined;
    this.#watch.expect(link.status === "online" && isOwed);
  }

  #receive(text: string): void {
    this.#watch.heard();
    const frame = parseServerFrame(text);
    if (!frame || this.#isForeign(frame)) return;
    if (frame.kind === "erased") {
      this.link.stop(ERASED);
      return;
    }
    if (frame.kind === "event" && frame.seq > this.#state.seq + 1) {
      this.#joinWithoutPosition();
      return;
    }
    if (frame.kind === "connection" && !this.#isAwaited(frame)) return;
    this.#store.apply({ type: "frame", frame });
    if (frame.kind === "connection") this.#follow(frame);
    if (frame.kind === "snapshot") this.#commands.replaced();
    if (frame.kind === "event") this.#afterEvent(frame);
  }

  #afterEvent({ event }: ServerFrame & { kind: "event" }): void {
    this.#receipts.read(this.#state.seq);
    // A run that ends makes room in the line.
    if (event?.type === "RUN_FINISHED" || event?.type === "RUN_ERROR") this.flush();
    if (event?.type !== "CUSTOM") return;
    if (event.name === "persona.changed") this.joining.chosen();
    if (event.name === "conversation.edited") this.#commands.revised(event.value.messageId);
  }

  /** Frames of a conversation that has been left, still on their way. */
  #isForeign(frame: ServerFrame): boolean {
    if (frame.kind !== "connection") return !this.#state.joined;
    return frame.name === "joined" && frame.value.conversationId !== this.#store.record.conversationId;
  }

  /** Settles what a frame answers. False for a page of a history that has been replaced since it was asked for. */
  #isAwaited(frame: ConnectionFrame): boolean {
    if (frame.name === "accepted") this.#outbox.settle(frame.value.messageId);
    if (frame.name === "accepted" || frame.name === "feedback.saved")
      this.#commands.settle(frame.value.commandId);
    return frame.name !== "history" || this.#commands.settle(frame.value.commandId) !== undefined;
  }

  /** A gap should never be; whatever made it, the whole is asked for again rather than shown with a hole. */
  #joinWithoutPosition(): void {
    this.#store.apply({ type: "position-lost" });
    this.joining.join();
  }

  #follow(frame: ConnectionFrame): void {
    if (frame.name === "draining") this.link.announce(frame.value.reconnectInMs);
    if (frame.name === "typing") this.typing.heard(frame.value.connectionId, frame.value.state);
    if (frame.name === "error") this.#refused(frame.value);
    if (frame.name === "joined") {
      this.#receipts.reset(this.#state.seq);
      // A new conversation has no past; one that goes on in another life of its log has had it told already.
      this.#hasCaughtUp ||= frame.value.new;
      this.joining.joined(frame.value.persona);
    }
    // A late one of a join that was given up says nothing about this one.
    if (frame.name === "replayed" && this.#state.joined) this.#hasCaughtUp = true;
    if (["joined", "accepted", "replayed", "feedback.saved", "history"].includes(frame.name)) this.flush();
  }

  #refused(error: ConnectionFrames["error"]): void {
    const { code, message, retryAfterMs, commandId, retryable } = error;
    const problem = defined({ code, message, retryAfterMs });
    if (this.joining.refused(commandId, problem)) return;
    if (commandId !== undefined && this.#outbox.holds(commandId)) {
      this.#messageRefused(commandId, problem, retryable);
      return;
    }
    const waitMs = retryAfterMs ?? TRY_AGAIN_MS;
    const isPostponed =
      commandId !== undefined && retryable && this.#commands.postpone(commandId, waitMs, () => this.flush());
    if (!isPostponed) this.#commands.settle(commandId);
    if (code !== "already_finished") this.#store.apply({ type: "failed", problem });
  }

  #messageRefused(id: string, problem: Problem, retryable: boolean): void {
    this.#outbox.settle(id);
    if (!retryable) {
      this.#store.apply({ type: "refused", id, problem });
      this.flush();
      return;
    }
    this.#store.apply({ type: "failed", problem });
    // A full line is tried again when a run ends; everything else when its time has come.
    if (problem.code === "queue_full" && this.#state.run) return;
    this.#outbox.pause(problem.retryAfterMs ?? TRY_AGAIN_MS, () => this.flush());
  }

  #lose(): void {
    const { conversationId } = this.#store.record;
    this.begin({ type: "lost" });
    this.#store.tellEnded(conversationId);
    this.joining.join();
  }

  /** By somebody else: whoever erases it here begins anew by himself. */
  #erased(): void {
    if (this.isErasing) return;
    const { conversationId } = this.#store.record;
    this.begin({ type: "erased" });
    this.#store.tellEnded(conversationId);
  }
}
