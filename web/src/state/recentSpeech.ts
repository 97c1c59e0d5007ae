import { after, type Stretch, samplesOf } from "./utterance";

interface Heard {
  sample: number;
  piece: ArrayBuffer;
  sent: boolean;
}

/** How much is kept, in samples of 16 kHz: longer breaks than this lose words. */
const KEPT = 30 * 16_000;

/** The last seconds of a microphone that is open all the time, for the time after a break. */
export class RecentSpeech {
  #pieces: Heard[] = [];

  add(sample: number, piece: ArrayBuffer, sent: boolean): void {
    this.#pieces.push({ sample, piece, sent });
    this.#keepFrom(sample + samplesOf(piece) - KEPT);
  }

  /** The turn that was said before `sample` is done: nobody will ask for it again. */
  confirm(sample: number): void {
    this.#keepFrom(sample);
  }

  /** What is kept from `sample` on; null when the microphone heard nothing. */
  from(sample: number): Stretch | null {
    const first = this.#pieces[0];
    if (!first) return null;
    return after({ sample: first.sample, pieces: this.#pieces.map(({ piece }) => piece) }, sample);
  }

  /** Take out what is from `sample` on or was heard by no server, and forget the rest. */
  take(sample: number): ArrayBuffer[] {
    const wanted = this.#pieces.filter((heard) => !heard.sent || heard.sample >= sample);
    this.#pieces = [];
    return wanted.map(({ piece }) => piece);
  }

  forget(): void {
    this.#pieces = [];
  }

  #keepFrom(sample: number): void {
    const first = this.#pieces.findIndex((heard) => heard.sample + samplesOf(heard.piece) > sample);
    if (first < 0) this.#pieces = [];
    else if (first > 0) this.#pieces.splice(0, first);
  }
}
