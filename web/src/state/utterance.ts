/** One utterance as the page keeps it until it was answered: it may have to be sent again. */
export interface Utterance {
  readonly key: string;
  /** where it begins in the page's count of 16 kHz samples */
  startSample: number;
  /** which count of samples that is: a new one begins with each conversation */
  count: number;
  readonly pieces: ArrayBuffer[];
  ended: boolean;
  /** its pieces go out as they come; not so after a break, until it was sent again */
  live: boolean;
}

/** Pieces of speech, the first of them at `sample`. */
export interface Stretch {
  sample: number;
  pieces: ArrayBuffer[];
}

/** Samples that a piece of PCM adds to the page's count. */
export function samplesOf(piece: ArrayBuffer): number {
  return piece.byteLength >> 1;
}

/** What of `stretch` lies behind sample `from`; a piece across it is cut. */
export function after({ sample, pieces }: Stretch, from: number): Stretch {
  let at = sample;
  for (const [index, piece] of pieces.entries()) {
    const end = at + samplesOf(piece);
    if (end > from) {
      const missing = Math.max(0, from - at);
      const first = missing > 0 ? piece.slice(2 * missing) : piece;
      return { sample: at + missing, pieces: [first, ...pieces.slice(index + 1)] };
    }
    at = end;
  }
  return { sample: Math.max(at, from), pieces: [] };
}
