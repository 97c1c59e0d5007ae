/// <reference path="./worklet.d.ts" />
import { Framer, type SpeechFrame } from "./framer";

/** What the capture worklet posts: a frame, or null when the last one was posted. */
export type CaptureMessage = SpeechFrame | null;

/** Runs on the audio thread: mixes the microphone down and posts 40 ms frames of 16 kHz PCM. */
class Capture extends AudioWorkletProcessor {
  readonly #framer = new Framer(sampleRate);
  #on = true;

  constructor() {
    super();
    this.port.onmessage = () => this.#finish();
  }

  override process(inputs: Float32Array[][]): boolean {
    const channels = inputs[0] ?? [];
    if (this.#on && channels.length > 0) this.#post(this.#framer.push(mono(channels)));
    return this.#on;
  }

  #finish(): void {
    if (!this.#on) return;
    this.#on = false;
    this.#post(this.#framer.flush());
    this.port.postMessage(null satisfies CaptureMessage);
  }

  #post(frames: SpeechFrame[]): void {
    for (const frame of frames) this.port.postMessage(frame, [frame.pcm]);
  }
}

function mono(channels: Float32Array[]): Float32Array {
  const mixed = new Float32Array(channels[0]?.length ?? 0);
  for (const channel of channels) {
    for (let i = 0; i < mixed.length; i++) {
      mixed[i] = (mixed[i] ?? 0) + (channel[i] ?? 0) / channels.length;
    }
  }
  return mixed;
}

registerProcessor("capture", Capture);
