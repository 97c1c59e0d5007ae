/** The queue that the playback worklet plays from: samples of turns, one after another. */

/** How far a turn has been played. */
export interface Played {
  /** the key that its samples were pushed with */
  key: string;
  /** frames that left the queue since the turn began */
  frames: number;
  /** whether all of it was played */
  ended: boolean;
}

/** What the page tells the queue, wherever that runs. */
export type PlaybackCommand =
  | { kind: "push"; key: string; samples: Float32Array }
  | { kind: "end"; key: string }
  | { kind: "pause" | "resume" | "flush" };

/** What it tells back, every 40 ms or so while something changes. */
export interface PlaybackReport {
  played: Played[];
  /** root mean square of what was put out since the last report, 0…1 */
  level: number;
}

interface Piece {
  key: string;
  samples: Float32Array;
  at: number;
  /** no samples follow: the end of a turn */
  end: boolean;
}

/** Frames over which sound fades at a pause, so that it makes no click. */
const FADE = 240;

const NOTHING = new Float32Array(0);

export class PlayQueue {
  #pieces: Piece[] = [];
  readonly #frames = new Map<string, number>();
  readonly #changed = new Map<string, Played>();
  #paused = false;
  #gain = 1;

  push(key: string, samples: Float32Array): void {
    this.#pieces.push({ key, samples, at: 0, end: false });
  }

  /** All of the turn's sound was pushed. */
  end(key: string): void {
    this.#pieces.push({ key, samples: NOTHING, at: 0, end: true });
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
  }

  /** Forget all that waits, a pause included. */
  flush(): void {
    this.#pieces = [];
    this.#frames.clear();
    this.#paused = false;
    this.#gain = 1;
  }

  obey(command: PlaybackCommand): void {
    if (command.kind === "push") this.push(command.key, command.samples);
    else if (command.kind === "end") this.end(command.key);
    else this[command.kind]();
  }

  /** Fill `out`; where the queue is empty or paused there is silence, and nothing is counted. */
  render(out: Float32Array): void {
    out.fill(0);
    let at = 0;
    while (at < out.length && !this.#still) {
      const piece = this.#next();
      if (!piece) break;
      at += this.#copy(piece, out.subarray(at));
    }
  }

  /** Positions that changed since the last call. */
  report(): Played[] {
    const changed = [...this.#changed.values()];
    this.#changed.clear();
    return changed;
  }

  get #still(): boolean {
    return this.#paused && this.#gain === 0;
  }

  /** The piece to play from; ends of turns on the way there are noted. */
  #next(): Piece | undefined {
    let piece = this.#pieces[0];
    while (piece && piece.at >= piece.samples.length) {
      this.#pieces.shift();
      if (piece.end) this.#note(piece.key, 0, true);
      piece = this.#pieces[0];
    }
    return piece;
  }

  #copy(piece: Piece, out: Float32Array): number {
    const count = Math.min(out.length, piece.samples.length - piece.at);
    let done = 0;
    while (done < count && !this.#still) {
      this.#gain = Math.max(0, Math.min(1, this.#gain + (this.#paused ? -1 : 1) / FADE));
      out[done] = (piece.samples[piece.at + done] ?? 0) * this.#gain;
      done++;
    }
    piece.at += done;
    this.#note(piece.key, done, false);
    return done;
  }

  #note(key: string, frames: number, ended: boolean): void {
    const total = (this.#frames.get(key) ?? 0) + frames;
    if (ended) this.#frames.delete(key);
    else this.#frames.set(key, total);
    this.#changed.set(key, { key, frames: total, ended });
  }
}
