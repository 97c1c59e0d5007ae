import { rms, toPcm16 } from "./pcm";
import { Resampler } from "./resampler";

/** Rate that speech leaves the page at, Hz. */
export const SPEECH_RATE = 16_000;

/** Samples of one frame: 40 ms. */
export const FRAME_SAMPLES = 640;

/** 40 ms of the microphone. */
export interface SpeechFrame {
  /** `pcm_s16le`, mono, 16 kHz */
  pcm: ArrayBuffer;
  /** root mean square, 0…1 */
  level: number;
}

/** Cuts a microphone at any rate into 16 kHz frames of 40 ms. */
export class Framer {
  readonly #resampler: Resampler | null;
  #pending = new Float32Array(FRAME_SAMPLES);
  #filled = 0;

  constructor(rate: number) {
    this.#resampler = rate === SPEECH_RATE ? null : new Resampler(rate, SPEECH_RATE);
  }

  /** Frames that `samples` complete. */
  push(samples: Float32Array): SpeechFrame[] {
    return this.#cut(this.#resampler ? this.#resampler.push(samples) : samples);
  }

  /** What is left, as a shorter last frame. */
  flush(): SpeechFrame[] {
    const frames = this.#resampler ? this.#cut(this.#resampler.flush()) : [];
    if (this.#filled > 0) frames.push(this.#frame(this.#pending.slice(0, this.#filled)));
    this.#filled = 0;
    return frames;
  }

  #cut(samples: Float32Array): SpeechFrame[] {
    const frames: SpeechFrame[] = [];
    let at = 0;
    while (at < samples.length) {
      const taken = Math.min(FRAME_SAMPLES - this.#filled, samples.length - at);
      this.#pending.set(samples.subarray(at, at + taken), this.#filled);
      this.#filled += taken;
      at += taken;
      if (this.#filled < FRAME_SAMPLES) break;
      frames.push(this.#frame(this.#pending));
      this.#filled = 0;
    }
    return frames;
  }

  #frame(samples: Float32Array): SpeechFrame {
    return { pcm: toPcm16(samples), level: rms(samples) };
  }
}
