import {
  type ClientMessage,
  type Configure,
  PROTOCOL_VERSION,
  type Resume,
  type ServerMessage,
} from "../contract/generated";
import { type AudioFrame, parseAudioFrame } from "./binary";
import {
  IDLE_LINK,
  isRepeat,
  type Link,
  type LinkEffect,
  type LinkEvent,
  step,
} from "./linkMachine";

/** What a turn's listener had heard when the connection broke. */
export type HeardAtBreak = Pick<Resume, "turn_id" | "revision" | "played_ms">;

export interface ChatSocketHandlers {
  onMessage(message: ServerMessage): void;
  onFrame(frame: AudioFrame): void;
  onLink(link: Link): void;
  /** A conversation is open; `fresh` when it isn't the one from before the break. */
  onReady(fresh: boolean): void;
  /** What `configure` says at each greeting. */
  configuration(): Omit<Configure, "type">;
  heardAtBreak(): HeardAtBreak;
}

/** The part of a WebSocket that is used; tests put in their own. */
export type SocketLike = Pick<WebSocket, "send" | "close" | "readyState" | "bufferedAmount"> & {
  binaryType: BinaryType;
  onopen: ((event: Event) => void) | null;
  onmessage: ((event: MessageEvent) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
};

const OPEN = 1;

/** Errors that are about being let in, not about the conversation that could not be resumed. */
const AT_THE_DOOR: ReadonlySet<string> = new Set(["SERVER_FULL", "RATE_LIMITED", "UNAUTHORIZED"]);

/** `/ws/chat` of the origin that served the page. */
export function chatAddress(location: Location): string {
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/chat`;
}

/** Runs the link machine on a real socket and real timers. */
export class ChatSocket {
  #link: Link = IDLE_LINK;
  #socket: SocketLike | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly handlers: ChatSocketHandlers,
    private readonly connect: () => SocketLike,
  ) {}

  get link(): Link {
    return this.#link;
  }

  start(): void {
    this.#take({ kind: "start" });
  }

  /** Try again now instead of at the end of the wait. */
  retry(): void {
    this.#take({ kind: "retry" });
  }

  /** Leave this conversation and open a new one. */
  renew(): void {
    this.#drop();
    this.#take({ kind: "stop" });
    this.#take({ kind: "start" });
  }

  stop(): void {
    this.#take({ kind: "stop" });
  }

  /** Send `message`; false when there is no open conversation to send it to. */
  send(message: ClientMessage): boolean {
    return this.#link.phase === "ready" && this.#transmit(JSON.stringify(message));
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
        return this.#drop();
      case "resume":
        this.#transmit(JSON.stringify({ ...effect.message, ...this.handlers.heardAtBreak() }));
        return;
      case "configure":
        return this.#configure();
      case "wait":
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.#take({ kind: effect.event }), effect.ms);
        return;
      case "ready":
        clearTimeout(this.#timer);
        return this.handlers.onReady(effect.fresh);
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
    clearTimeout(this.#timer);
    const socket = this.connect();
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.#take({ kind: "opened" });
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = ({ code }) => this.#take({ kind: "closed", code });
    this.#socket = socket;
  }

  #drop(): void {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close(1000);
  }

  #receive(data: string | ArrayBuffer): void {
    if (typeof data !== "string") return this.#receiveFrame(data);
    const message = JSON.parse(data) as ServerMessage;
    if (message.type !== "session" && isRepeat(this.#link, message.seq)) return;
    if (message.type === "session") {
      const { session_id: sessionId, resume_token: token, resumed } = message;
      this.handlers.onMessage(message);
      this.#take({ kind: "session", sessionId, token, resumed });
      return;
    }
    this.#take({ kind: "seq", seq: message.seq });
    if (message.type !== "error" || !this.#link.resuming) return this.handlers.onMessage(message);
    this.#take({ kind: "failed" });
    if (AT_THE_DOOR.has(message.code)) this.handlers.onMessage(message);
  }

  #receiveFrame(data: ArrayBuffer): void {
    const frame = parseAudioFrame(data);
    if (!frame || isRepeat(this.#link, frame.seq)) return;
    this.#take({ kind: "seq", seq: frame.seq });
    this.handlers.onFrame(frame);
  }
}
