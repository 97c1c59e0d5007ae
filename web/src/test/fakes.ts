import type { ClientMessage, Engines, ServerMessage } from "../contract/generated";
import type { SocketLike } from "../protocol/chatSocket";
import type { ReplayAudio } from "../state/replay";

/** An audio element that plays for as long as the test wants. */
export class FakeAudio implements ReplayAudio {
  src = "";
  muted = false;
  playing = false;
  #finish: () => void = () => undefined;

  async play(): Promise<void> {
    this.playing = true;
  }

  pause(): void {
    this.playing = false;
  }

  addEventListener(_type: string, listener: () => void): void {
    this.#finish = listener;
  }

  /** It comes to its end. */
  finish(): void {
    this.playing = false;
    this.#finish();
  }
}

/** The server's end of a socket in a test. */
export class FakeSocket implements SocketLike {
  binaryType: BinaryType = "blob";
  readyState: WebSocket["readyState"] = 0;
  bufferedAmount = 0;
  onopen: ((event: Event) => void) | null = null;
  onmessage: ((event: MessageEvent) => void) | null = null;
  onclose: ((event: CloseEvent) => void) | null = null;
  readonly sent: (ClientMessage | ArrayBuffer)[] = [];
  closedWith: number | undefined;
  #seq = 0;

  send(data: string | ArrayBufferLike | Blob | ArrayBufferView): void {
    this.sent.push(typeof data === "string" ? JSON.parse(data) : (data as ArrayBuffer));
  }

  close(code?: number): void {
    this.closedWith = code;
    this.readyState = 3;
  }

  open(): void {
    this.readyState = 1;
    this.onopen?.(new Event("open"));
  }

  /** The connection breaks. */
  drop(code = 1006): void {
    this.readyState = 3;
    this.onclose?.(new CloseEvent("close", { code }));
  }

  say(message: Unnumbered): void {
    this.#seq++;
    this.raw(JSON.stringify({ revision: 0, seq: this.#seq, ...message }));
  }

  raw(data: string | ArrayBuffer): void {
    this.onmessage?.(new MessageEvent("message", { data }));
  }

  /** Messages of one type that the page sent. */
  of<T extends ClientMessage["type"]>(type: T): Extract<ClientMessage, { type: T }>[] {
    return this.sent.filter(
      (m): m is Extract<ClientMessage, { type: T }> =>
        !(m instanceof ArrayBuffer) && m.type === type,
    );
  }
}

type Loose<T> = T extends { type: string } ? Pick<T, "type"> & Partial<Omit<T, "type">> : never;
type Unnumbered = Loose<ServerMessage>;

/** The engines of PROFILE=small, as the gateway names them. */
export const ENGINES: Engines = {
  stt: {
    name: "pocketsphinx",
    kind: "embedded",
    languages: ["en"],
    licence: "BSD-2-Clause",
    notice: "Hears clear English only.",
  },
  llm: {
    name: "demo responder",
    kind: "embedded",
    languages: ["en", "zh-TW"],
    licence: "Apache-2.0",
  },
  tts_fast: { name: "espeak-ng", kind: "embedded", languages: ["en", "zh-TW"], licence: null },
  tts_hq: { name: "espeak-ng", kind: "embedded", languages: [], licence: "GPL-3.0-or-later" },
};

/** A greeting. */
export function session(sessionId = "s1", resumed = false): Unnumbered {
  return {
    type: "session",
    version: 1,
    session_id: sessionId,
    resume_token: `token-${sessionId}`,
    resumed,
    engines: ENGINES,
    audio_out: "binary",
    limits: {
      max_payload_bytes: 1,
      max_chunks: 1,
      chunk_timeout_s: 1,
      max_binary_s: 1,
      max_text_chars: 100,
    },
  };
}
