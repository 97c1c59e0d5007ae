import { type Capture, MicrophoneError, type MicrophoneProblem } from "../audio/microphone";
import type { MicrophoneFormat, SpeechSource } from "../audio/source";
import type { ClientMessage, ErrorCode } from "../contract/generated";
import { toBase64 } from "../protocol/binary";
import { RecentSpeech } from "./recentSpeech";
import type { Settings } from "./settings";
import { Store } from "./store";
import { after, samplesOf, type Utterance } from "./utterance";

/** What the microphone is doing. */
export interface Microphone {
  phase: "off" | "opening" | "on" | "ending";
  problem: MicrophoneProblem | null;
}

/** Where speech goes; the socket, or a test's list. Both say whether there was anybody to hear. */
export interface SpeechLine {
  send(message: ClientMessage): boolean;
  sendAudio(piece: ArrayBuffer): boolean;
}

export interface SpeechEvents {
  /** The first sound of a push-to-talk utterance came. */
  onBegun(utterance: Utterance): void;
  /** It was given up before any sound came. */
  onDropped(key: string): void;
  onLevel(level: number): void;
}

/** Speech goes on a little after the button is released: fingers are faster than last syllables. */
const TAIL_MS = 140;

/** After these the rest of a push-to-talk utterance is dropped by the server. */
const DEAF: ReadonlySet<ErrorCode> = new Set([
  "BAD_AUDIO",
  "BUFFER_OVERFLOW",
  "TOO_MANY_CHUNKS",
  "AUDIO_TIMEOUT",
  "STT_UNAVAILABLE",
]);

/** How long the microphone stays open for the next utterance. */
const LINGER_MS = 20_000;

/**
 * What a 100 ms piece of WebM counts for. Its samples can't be told without decoding it, and the
 * server counts them at 48 kHz: too many is harmless, with too few the next PCM would be dropped as
 * heard already.
 */
const WEBM_SAMPLES = 6000;

/** Utterances that wait for their answer; a longer queue than this loses its first. */
const KEPT_UTTERANCES = 6;

/** Where the server's hearing ends, after a conversation opened. */
export interface Resumed {
  /** the server's count of the page's samples */
  offset: number;
  /** the page's count begins anew at `offset`: it is another conversation, or another page */
  anew: boolean;
  /** the hands-free turn that is being said, and where it begins */
  open: { key: string; start: number } | null;
  /** where the last hands-free turn that was understood ends */
  understoodTo: number;
}

/** Takes the microphone, and sends what it hears: an utterance at a time, or all the time. */
export class Speech {
  readonly microphone = new Store<Microphone>({ phase: "off", problem: null });
  readonly #recent = new RecentSpeech();
  #stream: MediaStream | null = null;
  #capture: Capture | null = null;
  #linger: ReturnType<typeof setTimeout> | undefined;
  #utterance: Utterance | null = null;
  readonly #kept = new Map<string, Utterance>();
  #count = 0;
  #offset = 0;
  #streaming = false;
  #sample = 0;
  #wanted = 0;

  constructor(
    private readonly line: SpeechLine,
    private readonly events: SpeechEvents,
    private readonly settings: () => Settings,
    private readonly source: SpeechSource,
  ) {}

  /** The utterance of that key, while it may have to be sent again. */
  kept(key: string): Utterance | null {
    return this.#kept.get(key) ?? null;
  }

  /** The turn is done: its utterance goes, but the last one may be wanted once more. */
  settle(key: string): void {
    if (this.#utterance?.key !== key) this.#kept.delete(key);
  }

  /** The hands-free turn that ends at `sample` is done. */
  confirm(sample: number): void {
    this.#recent.confirm(sample);
  }

  /** Whether all that the microphone hears is sent. */
  get streaming(): boolean {
    return this.#streaming;
  }

  /** Begin a push-to-talk utterance. */
  async begin(key: string): Promise<void> {
    if (this.microphone.get().phase !== "off") return;
    const utterance = this.#newUtterance(key);
    const opened = await this.#open((piece) => this.#add(utterance, piece));
    if (!opened) this.events.onDropped(key);
  }

  /** The push-to-talk utterance is over. */
  async end(): Promise<void> {
    const { phase } = this.microphone.get();
    if (this.#streaming) return;
    if (phase === "opening") return this.#abandon();
    if (phase !== "on") return;
    this.#show("ending");
    await new Promise((resolve) => setTimeout(resolve, TAIL_MS));
    await this.#closeCapture();
    this.#finishUtterance();
    this.#show("off");
    this.#lingerStream();
  }

  /** The server refused the utterance: nobody listens to the rest of it. */
  async abort(): Promise<void> {
    if (this.#streaming || this.microphone.get().phase !== "on") return;
    this.#show("ending");
    await this.#closeCapture();
    if (this.#utterance) this.#utterance.ended = true;
    this.#show("off");
    this.#lingerStream();
  }

  /** Send all that the microphone hears until `stopStreaming`. */
  async stream(): Promise<void> {
    await this.end();
    if (this.#streaming || this.microphone.get().phase !== "off") return;
    this.#streaming = true;
    const opened = await this.#open((piece) => this.#forward(piece));
    if (!opened) this.#streaming = false;
  }

  async stopStreaming(): Promise<void> {
    if (!this.#streaming) return;
    this.#streaming = false;
    this.#recent.forget();
    if (this.microphone.get().phase === "opening") return this.#abandon();
    await this.#closeCapture();
    this.#show("off");
    this.#release();
  }

  /** A conversation opened. In hands-free, what the server can't have heard is sent again. */
  reconnected(resumed: Resumed): void {
    for (const utterance of this.#kept.values()) utterance.live = false;
    this.#offset = resumed.offset;
    if (resumed.anew) {
      this.#sample = resumed.offset;
      this.#count++;
    }
    this.#sample = Math.max(this.#sample, resumed.offset);
    if (!this.#streaming) return;
    if (this.#format === "webm") void this.#newContainer();
    else if (resumed.anew) this.#sendUnheard(resumed);
    else this.#sendRecent(resumed);
  }

  /** The server said `code` of what it heard. */
  failed(code: ErrorCode): void {
    if (code === "BAD_AUDIO") this.unreadable();
    if (DEAF.has(code)) void this.abort();
  }

  /** The server could not read the container: hands-free needs another, from its first byte. */
  unreadable(): void {
    if (this.#streaming && this.#format === "webm") void this.#newContainer();
  }

  /**
   * Send `utterance` again: from where the server's hearing ends, or whole where its
   * samples were never numbered for this conversation.
   *
   * A container is sent whole in any case: its middle can't be read without its beginning.
   */
  repeat(utterance: Utterance): void {
    const { key } = utterance;
    if (utterance.count !== this.#count) this.#placeAnew(utterance);
    const whole = { sample: utterance.startSample, pieces: utterance.pieces };
    const rest = this.#format === "webm" ? whole : after(whole, this.#offset);
    this.line.send({ type: "audio_start", utterance_id: key, sample: rest.sample });
    utterance.live = true;
    for (const piece of rest.pieces) this.#transmit(piece, key);
    if (utterance.ended) this.line.send({ type: "audio_end", utterance_id: key });
  }

  /** The same words as another utterance, to be sent with `repeat`. */
  copy({ pieces }: Utterance, key: string): void {
    const utterance = { ...this.#newUtterance(key), pieces, ended: true };
    this.#placeAnew(utterance);
    this.#keep(utterance);
  }

  /** Let go of the microphone. */
  async close(): Promise<void> {
    await this.stopStreaming();
    await this.end();
    this.#release();
  }

  /** What is sent: what was chosen, where the browser can make it. */
  get #format(): MicrophoneFormat {
    const { microphone } = this.settings();
    return this.source.can(microphone) ? microphone : "pcm";
  }

  async #open(onPiece: (piece: ArrayBuffer) => void): Promise<boolean> {
    const wanted = ++this.#wanted;
    this.#show("opening");
    clearTimeout(this.#linger);
    try {
      this.#stream ??= await this.source.open(this.settings().processed);
      const { onLevel } = this.events;
      const capture = await this.source.capture(this.#stream, this.#format, onPiece, onLevel);
      if (wanted !== this.#wanted) {
        await capture.stop();
        return false;
      }
      this.#capture = capture;
    } catch (error) {
      this.#fail(error);
      return false;
    }
    this.#show("on");
    return true;
  }

  #keep(utterance: Utterance): void {
    this.#kept.set(utterance.key, utterance);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > KEPT_UTTERANCES && oldest) this.#kept.delete(oldest);
  }

  #newUtterance(key: string): Utterance {
    const at = { startSample: this.#sample, count: this.#count };
    return { key, ...at, pieces: [], ended: false, live: false };
  }

  #add(utterance: Utterance, piece: ArrayBuffer): void {
    if (utterance.pieces.length === 0) this.#start(utterance);
    utterance.pieces.push(piece);
    this.#advance(piece);
    if (utterance.live) utterance.live = this.#transmit(piece, utterance.key);
  }

  #start(utterance: Utterance): void {
    const { key } = utterance;
    this.#utterance = utterance;
    this.#keep(utterance);
    utterance.startSample = this.#sample;
    utterance.count = this.#count;
    this.events.onBegun(utterance);
    const sample = utterance.startSample;
    utterance.live = this.line.send({ type: "audio_start", utterance_id: key, sample });
  }

  #placeAnew(utterance: Utterance): void {
    utterance.startSample = this.#sample;
    utterance.count = this.#count;
    for (const piece of utterance.pieces) this.#advance(piece);
  }

  #forward(piece: ArrayBuffer): void {
    if (!this.#streaming) return;
    const sent = this.#transmit(piece, null);
    if (this.#format === "pcm") this.#recent.add(this.#sample, piece, sent);
    this.#advance(piece);
  }

  /** In the same count: from where the server's hearing or the last understood turn ends. */
  #sendRecent({ offset, open, understoodTo }: Resumed): void {
    const recent = this.#recent.from(Math.max(offset, open?.start ?? understoodTo));
    const sample = recent?.sample ?? this.#sample;
    const key = open ? { utterance_id: open.key } : {};
    this.line.send({ type: "audio_start", ...key, sample });
    for (const piece of recent?.pieces ?? []) this.#transmit(piece, null);
  }

  /** In a new count: the turn that was being said, else what nobody has heard. */
  #sendUnheard({ open }: Resumed): void {
    const pieces = this.#recent.take(open?.start ?? Number.POSITIVE_INFINITY);
    const key = open ? { utterance_id: open.key } : {};
    if (open || this.#sample > 0) {
      this.line.send({ type: "audio_start", ...key, sample: this.#sample });
    }
    for (const piece of pieces) this.#forward(piece);
  }

  async #newContainer(): Promise<void> {
    const stream = this.#stream;
    if (!stream) return;
    await this.#closeCapture();
    if (!this.#streaming || this.#stream !== stream) return;
    await this.#open((piece) => this.#forward(piece));
  }

  #advance(piece: ArrayBuffer): void {
    this.#sample += this.#format === "webm" ? WEBM_SAMPLES : samplesOf(piece);
  }

  #transmit(piece: ArrayBuffer, key: string | null): boolean {
    if (this.settings().transport === "binary") return this.line.sendAudio(piece);
    const webm = this.#format === "webm";
    return this.line.send({
      type: "audio_chunk",
      ...(key ? { utterance_id: key } : {}),
      data: toBase64(piece),
      ts: performance.now(),
      sr: webm ? 48_000 : 16_000,
      codec: webm ? "webm_opus" : "pcm_s16le",
    });
  }

  #finishUtterance(): void {
    const utterance = this.#utterance;
    if (!utterance || utterance.ended) return;
    utterance.ended = true;
    if (utterance.live) this.line.send({ type: "audio_end", utterance_id: utterance.key });
  }

  /** The button was released before the microphone opened. */
  #abandon(): void {
    this.#wanted++;
    this.#show("off");
    this.#lingerStream();
  }

  async #closeCapture(): Promise<void> {
    const capture = this.#capture;
    this.#capture = null;
    await capture?.stop();
    this.events.onLevel(0);
  }

  #lingerStream(): void {
    clearTimeout(this.#linger);
    this.#linger = setTimeout(() => this.#release(), LINGER_MS);
  }

  #release(): void {
    clearTimeout(this.#linger);
    if (this.#capture) return;
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = null;
  }

  #fail(error: unknown): void {
    const problem = error instanceof MicrophoneError ? error.problem : "unknown";
    this.#stream = null;
    this.microphone.set({ phase: "off", problem });
  }

  #show(phase: Microphone["phase"]): void {
    this.microphone.set({ phase, problem: null });
  }
}
