import { type PlaybackEngine, playbackEngine } from "./engine";
import type { PlaybackCommand, PlaybackReport } from "./playQueue";
import { Resampler } from "./resampler";

/** How much of a turn a person has heard. */
export interface Heard {
  key: string;
  /** ms from the turn's first sample, without what is still on its way to the loudspeaker */
  ms: number;
  ended: boolean;
}

/** Plays turns one after another, and knows to a few milliseconds how far each was heard. */
export interface Player {
  /** Let sound out; must be called from a click or key (browsers' autoplay rule). */
  unlock(): Promise<void>;
  /** Queue samples of turn `key` at `rate` Hz. */
  push(key: string, samples: Float32Array<ArrayBuffer>, rate: number): void;
  /** All of the turn's sound was queued. */
  end(key: string): void;
  pause(): void;
  resume(): void;
  flush(): void;
  setMuted(muted: boolean): void;
  /** Milliseconds of turn `key` that were heard by now. */
  heardMs(key: string): number;
  close(): Promise<void>;
}

export interface PlayerEvents {
  onHeard(heard: Heard): void;
  /** level of what is put out, 0…1 root mean square */
  onLevel(level: number): void;
  /** the browser lets no sound out until somebody clicks */
  onBlocked(blocked: boolean): void;
}

/** A turn's converter to the context's rate; another rate in the same turn gets a new one. */
interface Voice {
  rate: number;
  resampler: Resampler | null;
}

export class QueuePlayer implements Player {
  readonly #context = new AudioContext({ latencyHint: "interactive" });
  readonly #volume = this.#context.createGain();
  readonly #events: PlayerEvents;
  readonly #ready: Promise<PlaybackEngine>;
  readonly #voices = new Map<string, Voice>();
  readonly #heard = new Map<string, number>();

  constructor(events: PlayerEvents) {
    this.#events = events;
    this.#context.onstatechange = () => this.#tellBlocked();
    this.#ready = this.#start();
  }

  async #start(): Promise<PlaybackEngine> {
    const engine = await playbackEngine(this.#context, (report) => this.#take(report));
    engine.node.connect(this.#volume).connect(this.#context.destination);
    return engine;
  }

  async unlock(): Promise<void> {
    await this.#context.resume();
  }

  push(key: string, samples: Float32Array<ArrayBuffer>, rate: number): void {
    const voice = this.#voice(key, rate);
    this.#queue(key, voice.resampler ? voice.resampler.push(samples) : samples);
    this.#tellBlocked();
  }

  end(key: string): void {
    this.#drain(key);
    this.#send({ kind: "end", key });
  }

  pause(): void {
    this.#send({ kind: "pause" });
  }

  resume(): void {
    this.#send({ kind: "resume" });
  }

  flush(): void {
    this.#voices.clear();
    this.#heard.clear();
    this.#send({ kind: "flush" });
  }

  setMuted(muted: boolean): void {
    this.#volume.gain.setTargetAtTime(muted ? 0 : 1, this.#context.currentTime, 0.01);
  }

  heardMs(key: string): number {
    return this.#heard.get(key) ?? 0;
  }

  async close(): Promise<void> {
    await this.#context.close();
  }

  /** Time that sound takes from the worklet to the ear, ms. */
  get #latencyMs(): number {
    const { outputLatency, baseLatency } = this.#context;
    return 1000 * (outputLatency || baseLatency || 0);
  }

  #voice(key: string, rate: number): Voice {
    const known = this.#voices.get(key);
    if (known?.rate === rate) return known;
    if (known) this.#drain(key);
    const own = this.#context.sampleRate;
    const voice = { rate, resampler: rate === own ? null : new Resampler(rate, own) };
    this.#voices.set(key, voice);
    return voice;
  }

  #drain(key: string): void {
    const voice = this.#voices.get(key);
    if (voice?.resampler) this.#queue(key, voice.resampler.flush());
    this.#voices.delete(key);
  }

  #queue(key: string, samples: Float32Array<ArrayBuffer>): void {
    if (samples.length > 0) this.#send({ kind: "push", key, samples }, [samples.buffer]);
  }

  #send(command: PlaybackCommand, transfer: Transferable[] = []): void {
    void this.#ready.then((engine) => engine.command(command, transfer));
  }

  #take(report: PlaybackReport): void {
    this.#events.onLevel(report.level);
    for (const { key, frames, ended } of report.played) {
      const put = (1000 * frames) / this.#context.sampleRate;
      if (ended) this.#finish(key, put);
      else this.#tell(key, Math.max(0, put - this.#latencyMs), false);
    }
  }

  /** The last samples are heard one latency after they were put out. */
  #finish(key: string, ms: number): void {
    setTimeout(() => this.#tell(key, ms, true), this.#latencyMs);
  }

  #tell(key: string, ms: number, ended: boolean): void {
    this.#heard.set(key, ms);
    this.#events.onHeard({ key, ms, ended });
  }

  #tellBlocked(): void {
    const { state } = this.#context;
    this.#events.onBlocked(state !== "running" && state !== "closed");
  }
}
