/// <reference path="./worklet.d.ts" />
import { rms } from "./pcm";
import { type PlaybackCommand, type PlaybackReport, PlayQueue } from "./playQueue";

const REPORT_SEC = 0.04;

/** Runs on the audio thread: puts out the queue, and says how far each turn was played. */
class Playback extends AudioWorkletProcessor {
  readonly #queue = new PlayQueue();
  #level = 0;
  #quiet = true;
  #next = 0;

  constructor() {
    super();
    this.port.onmessage = (event: MessageEvent<PlaybackCommand>) => this.#queue.obey(event.data);
  }

  override process(_inputs: Float32Array[][], outputs: Float32Array[][]): boolean {
    const [first, ...others] = outputs[0] ?? [];
    if (!first) return true;
    this.#queue.render(first);
    for (const other of others) other.set(first);
    this.#level = Math.max(this.#level, rms(first));
    if (currentTime >= this.#next) this.#report();
    return true;
  }

  #report(): void {
    this.#next = currentTime + REPORT_SEC;
    const report: PlaybackReport = { played: this.#queue.report(), level: this.#level };
    const quiet = report.played.length === 0 && report.level === 0;
    if (!quiet || !this.#quiet) this.port.postMessage(report);
    this.#quiet = quiet;
    this.#level = 0;
  }
}

registerProcessor("playback", Playback);
