/** One utterance as the page keeps it until it was understood: it may have to be sent again. */
export interface Utterance {
  readonly key: string;
  /** where it begins in the page's count of 16 kHz samples */
  startSample: number;
  readonly pieces: ArrayBuffer[];
  ended: boolean;
}

/** Samples that a piece adds to the page's count. */
export function samplesOf(piece: ArrayBuffer): number {
  return piece.byteLength >> 1;
}
