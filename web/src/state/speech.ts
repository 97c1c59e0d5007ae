import type { MicrophoneProblem } from "../audio/microphone";
import { type Capture, captureFrames, MicrophoneError, openMicrophone } from "../audio/microphone";
import { canRecord, recordPieces } from "../audio/recorder";
import type { ClientMessage } from "../contract/generated";
import { toBase64 } from "../protocol/binary";
import type { Settings } from "./settings";
import { Store } from "./store";
import { samplesOf, type Utterance } from "./utterance";

/** What the microphone is doing. */
export interface Microphone {
  phase: "off" | "opening" | "on" | "ending";
  problem: MicrophoneProblem | null;
}

/** Where speech goes; the socket, or a test's list. */
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

/** How long the microphone stays open for the next utterance. */
const LINGER_MS = 20_000;

/** Samples of a WebM piece can't be counted without decoding it; its time is taken instead. */
const WEBM_SAMPLES = 1600;

/** Takes the microphone, and sends what it hears: an utterance at a time, or all the time. */
export class Speech {
  readonly microphone = new Store<Microphone>({ phase: "off", problem: null });
  #stream: MediaStream | null = null;
  #capture: Capture | null = null;
  #linger: ReturnType<typeof setTimeout> | undefined;
  #utterance: Utterance | null = null;
  #streaming = false;
  #sample = 0;
  #wanted = 0;

  constructor(
    private readonly line: SpeechLine,
    private readonly events: SpeechEvents,
    private readonly settings: () => Settings,
  ) {}

  /** The last utterance, for sending it again. */
  get kept(): Utterance | null {
    return this.#utterance;
  }

  /** Begin a push-to-talk utterance. */
  async begin(key: string): Promise<void> {
    if (this.microphone.get().phase !== "off") return;
    const utterance: Utterance = { key, startSample: this.#sample, pieces: [], ended: false };
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
    if (this.microphone.get().phase === "opening") return this.#abandon();
    await this.#closeCapture();
    this.#show("off");
    this.#release();
  }

  /** A conversation opened: in a fresh one samples are counted from 0. */
  reconnected(fresh: boolean): void {
    if (fresh) this.#sample = 0;
    if (this.#streaming && this.#sample > 0)
      this.line.send({ type: "audio_start", sample: this.#sample });
  }

  /** Send `utterance` again whole, as `key`; in the same conversation what is there is dropped. */
  repeat(utterance: Utterance, key: string, placeAnew: boolean): void {
    if (placeAnew) {
      utterance.startSample = this.#sample;
      for (const piece of utterance.pieces) this.#count(piece);
    }
    this.line.send({ type: "audio_start", utterance_id: key, sample: utterance.startSample });
    for (const piece of utterance.pieces) this.#transmit(piece, key);
    if (utterance.ended) this.line.send({ type: "audio_end", utterance_id: key });
  }

  /** Let go of the microphone. */
  async close(): Promise<void> {
    await this.stopStreaming();
    await this.end();
    this.#release();
  }

  async #open(onPiece: (piece: ArrayBuffer) => void): Promise<boolean> {
    const wanted = ++this.#wanted;
    this.#show("opening");
    clearTimeout(this.#linger);
    try {
      this.#stream ??= await openMicrophone(this.settings().processed);
      const capture = await this.#start(this.#stream, onPiece);
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

  async #start(stream: MediaStream, onPiece: (piece: ArrayBuffer) => void): Promise<Capture> {
    const { onLevel } = this.events;
    if (this.settings().microphone === "webm" && canRecord()) {
      return recordPieces(stream, onPiece, onLevel);
    }
    return captureFrames(stream, (frame) => {
      onLevel(frame.level);
      onPiece(frame.pcm);
    });
  }

  #add(utterance: Utterance, piece: ArrayBuffer): void {
    if (utterance.pieces.length === 0) {
      this.#utterance = utterance;
      this.events.onBegun(utterance);
      const { key, startSample } = utterance;
      this.line.send({ type: "audio_start", utterance_id: key, sample: startSample });
    }
    utterance.pieces.push(piece);
    this.#count(piece);
    this.#transmit(piece, utterance.key);
  }

  #forward(piece: ArrayBuffer): void {
    if (!this.#streaming) return;
    this.#count(piece);
    this.#transmit(piece, null);
  }

  #count(piece: ArrayBuffer): void {
    this.#sample += this.settings().microphone === "webm" ? WEBM_SAMPLES : samplesOf(piece);
  }

  #transmit(piece: ArrayBuffer, key: string | null): void {
    const { transport, microphone } = this.settings();
    if (transport === "binary") {
      this.line.sendAudio(piece);
      return;
    }
    const codec = microphone === "webm" ? "webm_opus" : "pcm_s16le";
    const sr = microphone === "webm" ? 48_000 : 16_000;
    const message = { type: "audio_chunk", data: toBase64(piece), ts: performance.now() } as const;
    this.line.send({ ...message, sr, codec, ...(key ? { utterance_id: key } : {}) });
  }

  #finishUtterance(): void {
    const utterance = this.#utterance;
    if (!utterance || utterance.ended) return;
    utterance.ended = true;
    this.line.send({ type: "audio_end", utterance_id: utterance.key });
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
