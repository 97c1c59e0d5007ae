import {
  type ClientMessage,
  type Configure,
  type Notice,
  PROTOCOL_VERSION,
  type Resume,
  type ServerMessage,
} from "../contract/generated";
import { type AudioFrame, parseAudioFrame } from "./binary";
import {
  ANSWER_MS,
  CLOSE,
  IDLE_LINK,
  isRepeat,
  type Link,
  type LinkEffect,
  type LinkEvent,
  type Opening,
  step,
  type Thread,
} from "./linkMachine";

/** What a turn's listener had heard when the connection broke. */
export type HeardAtBreak = Pick<Resume, "turn_id" | "revision" | "played_ms">;

export interface ChatSocketHandlers {
  onMessage(message: ServerMessage): void;
  onFrame(frame: AudioFrame): void;
  /** All that is to be noticed now, in place of what was before the break. */
  onNotices(notices: Notice[]): void;
  onLink(link: Link): void;
  /** A conversation is open; its `session` was handed over before. */
  onReady(opening: Opening): void;
  /** What `configure` says at each greeting. */
  configuration(): Omit<Configure, "type">;
  /** Asked right before the conversation is resumed. */
  heardAtBreak(): HeardAtBreak;
}

/** The part of a WebSocket that is used; tests put in their own. */
export type SocketLike = Pick<WebSocket, "send" | "close" | "readyState" | "bufferedAmount"> & {
  binaryType: BinaryType;
  onopen: ((event: Event) => void) | null;
  onmessage: ((event: MessageEvent) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
};

type Failed = ServerMessage & { type: "error" };

const OPEN = 1;

/** Errors that are about being let in, and are shown while the page tries again. */
const AT_THE_DOOR: ReadonlySet<string> = new Set(["SERVER_FULL", "RATE_LIMITED"]);

/** Refusals that, before any conversation was offered, are about the person and not the `resume`. */
const KEYLESS: ReadonlySet<string> = new Set(["UNAUTHORIZED", "FORBIDDEN"]);

/** To these a server says something at once; silence means that nobody is there any more. */
const ANSWERED: ReadonlySet<string> = new Set(["text", "audio_end", "edit_transcription"]);

/** `/ws/chat` of the origin that served the page. */
export function chatAddress(location: Location): string {
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/chat`;
}

/** Runs the link machine on a real socket and real timers. */
export class ChatSocket {
  #link: Link = IDLE_LINK;
  #socket: SocketLike | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #unanswered: ReturnType<typeof setTimeout> | undefined;
  /** what the offered conversation said while the `resume` is unanswered */
  #held: ServerMessage[] = [];

  constructor(
    private readonly handlers: ChatSocketHandlers,
    private readonly connect: () => SocketLike,
  ) {}

  get link(): Link {
    return this.#link;
  }

  /** Open a conversation: that of `thread`, where one is given, else a new one. */
  start(thread?: Thread): void {
    this.#take(thread ? { kind: "start", thread } : { kind: "start" });
  }

  /** Try again now instead of at the end of the wait. */
  retry(): void {
    this.#take({ kind: "retry" });
  }

  stop(): void {
    this.#take({ kind: "stop" });
  }

  /** Send `message`; false when there is no open conversation to send it to. */
  send(message: ClientMessage): boolean {
    if (this.#link.phase !== "ready" || !this.#transmit(JSON.stringify(message))) return false;
    if (ANSWERED.has(message.type)) this.#expectAnswer();
    return true;
  }

  /** Send a bare piece of speech. */
  sendAudio(piece: ArrayBuffer): boolean {
    return this.#link.phase === "ready" && this.#transmit(piece);
  }

  #transmit(data: string | ArrayBuffer): boolean {
    if (this.#socket?.readyState !== OPEN) return false;
    this.#socket.send(data);
    return true;
  }

  #take(event: LinkEvent): void {
    const [next, effects] = step(this.#link, event, Math.random());
    const changed = next.phase !== this.#link.phase;
    this.#link = next;
    for (const effect of effects) this.#perform(effect);
    if (changed) this.handlers.onLink(this.#link);
  }

  #perform(effect: LinkEffect): void {
    switch (effect.kind) {
      case "open":
        return this.#open();
      case "close":
        return this.#drop(effect.code);
      case "resume":
        this.#transmit(JSON.stringify({ ...effect.message, ...this.handlers.heardAtBreak() }));
        return;
      case "configure":
        return this.#configure();
      case "wait":
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.#take({ kind: effect.event }), effect.ms);
        return;
      case "rest":
        return clearTimeout(this.#timer);
      case "ready":
        return this.handlers.onReady(effect.opening);
    }
  }

  #configure(): void {
    const message: Configure = {
      type: "configure",
      version: PROTOCOL_VERSION,
      ...this.handlers.configuration(),
    };
    this.#transmit(JSON.stringify(message));
  }

  #open(): void {
    this.#drop();
    const socket = this.connect();
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.#take({ kind: "opened" });
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = ({ code }) => this.#closed(code);
    this.#socket = socket;
  }

  #closed(code: number): void {
    this.#drop();
    this.#take({ kind: "closed", code });
  }

  #drop(code: number = CLOSE.comesBack): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#unanswered);
    this.#held = [];
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close(code);
  }

  /** A laptop that slept finds its socket open and dead: it is given up when nothing comes of it. */
  #expectAnswer(): void {
    clearTimeout(this.#unanswered);
    this.#unanswered = setTimeout(() => this.#closed(1006), ANSWER_MS);
  }

  #receive(data: string | ArrayBuffer): void {
    clearTimeout(this.#unanswered);
    if (typeof data !== "string") return this.#receiveFrame(data);
    const message = JSON.parse(data) as ServerMessage;
    if (message.type === "session") return this.#receiveSession(message);
    if (this.#link.phase !== "ready") this.#take({ kind: "alive" });
    if (this.#link.resuming) return this.#receiveEarly(message);
    if (isRepeat(this.#link, message.seq)) return;
    this.#take({ kind: "seq", seq: message.seq });
    this.handlers.onMessage(message);
  }

  #receiveSession(message: ServerMessage & { type: "session" }): void {
    const { session_id: sessionId, resume_token: token, seq, resumed } = message;
    const offered = this.#link.resuming && !resumed;
    const [offer, ...said] = this.#held;
    this.#held = offered ? [message] : [];
    if (!offered) this.handlers.onMessage(message);
    this.#take({ kind: "session", sessionId, token, seq, resumed });
    // Each new session is told what is away at this moment; a resumed one may have missed it.
    if (resumed && offer) this.handlers.onNotices(said.filter((m) => m.type === "notice"));
  }

  /** What comes before the `resume` was answered is about the door, or about the offered one. */
  #receiveEarly(message: ServerMessage): void {
    if (message.type === "error") return this.#resumeFailed(message);
    if (this.#link.offered) this.#held.push(message);
    else this.handlers.onMessage(message);
  }

  #resumeFailed(error: Failed): void {
    const atTheDoor = !this.#link.offered && KEYLESS.has(error.code);
    if (atTheDoor || AT_THE_DOOR.has(error.code)) this.handlers.onMessage(error);
    if (atTheDoor) return;
    if (error.retryable) {
      const afterS = error.retry_after_s ?? null;
      return this.#take({ kind: "later", code: error.code, afterS });
    }
    const held = this.#held;
    this.#held = [];
    for (const message of held) this.handlers.onMessage(message);
    this.#take({ kind: "failed" });
    for (const { seq } of [...held, error]) this.#take({ kind: "seq", seq });
  }

  #receiveFrame(data: ArrayBuffer): void {
    const frame = parseAudioFrame(data);
    if (!frame || this.#link.resuming || isRepeat(this.#link, frame.seq)) return;
    this.#take({ kind: "seq", seq: frame.seq });
    this.handlers.onFrame(frame);
  }
}
