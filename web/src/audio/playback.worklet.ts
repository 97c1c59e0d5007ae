/// <reference path="./worklet.d.ts" />
import { rms } from "./pcm";
import { type Played, PlayQueue } from "./playQueue";

/** What the page tells the playback worklet. */
export type PlaybackCommand =
  | { kind: "push"; key: string; samples: Float32Array }
  | { kind: "end"; key: string }
  | { kind: "pause" | "resume" | "flush" };

/** What the playback worklet tells the page, every 40 ms or so while something changes. */
export interface PlaybackReport {
  played: Played[];
  /** root mean square of what was put out since the last report, 0…1 */
  level: number;
}

const REPORT_SEC = 0.04;

/** Runs on the audio thread: puts out the queue, and says how far each turn was played. */
class Playback extends AudioWorkletProcessor {
  readonly #queue = new PlayQueue();
  #level = 0;
  #quiet = true;
  #next = 0;

  constructor() {
    super();
    this.port.onmessage = (event: MessageEvent<PlaybackCommand>) => this.#obey(event.data);
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

  #obey(command: PlaybackCommand): void {
    if (command.kind === "push") this.#queue.push(command.key, command.samples);
    else if (command.kind === "end") this.#queue.end(command.key);
    else this.#queue[command.kind]();
  }
}

registerProcessor("playback", Playback);
