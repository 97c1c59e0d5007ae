import { samplesOf } from "./utterance";

interface Heard {
  sample: number;
  piece: ArrayBuffer;
  sent: boolean;
}

/** How much is kept, in samples of 16 kHz: longer breaks than this lose words. */
const KEPT = 20 * 16_000;

/** The last seconds of a microphone that is open all the time, for the time after a break. */
export class RecentSpeech {
  #pieces: Heard[] = [];

  add(sample: number, piece: ArrayBuffer, sent: boolean): void {
    this.#pieces.push({ sample, piece, sent });
    const oldest = sample + samplesOf(piece) - KEPT;
    const first = this.#pieces.findIndex((heard) => heard.sample >= oldest);
    if (first > 0) this.#pieces.splice(0, first);
  }

  /** Everything that is kept: the server drops what it has. */
  all(): { sample: number; pieces: ArrayBuffer[] } | null {
    const first = this.#pieces[0];
    return first ? { sample: first.sample, pieces: this.#pieces.map(({ piece }) => piece) } : null;
  }

  /** Take out what no server has heard, and forget the rest. */
  takeUnsent(): ArrayBuffer[] {
    const unsent = this.#pieces.filter(({ sent }) => !sent).map(({ piece }) => piece);
    this.#pieces = [];
    return unsent;
  }

  forget(): void {
    this.#pieces = [];
  }
}
