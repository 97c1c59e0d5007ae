/**
 * A streaming sample rate converter: polyphase windowed sinc (Smith, "Digital Audio Resampling").
 *
 * Browsers give microphones at the hardware's rate and play at another; speech goes out at 16 kHz.
 * The cutoff is below half of the lower rate, so nothing folds back into the speech band. Output
 * sample `n` lies exactly at input time `n · from / to`: there is no delay, only look-ahead.
 */

/** Zero crossings on each side of the kernel. */
const LOBES = 16;

/** Share of the lower rate's band that passes; the rest is the transition of the filter. */
const PASS = 0.92;

export class Resampler {
  readonly #step: number;
  readonly #phases: number;
  readonly #reach: number;
  readonly #kernels: Float32Array[];
  /** Input that outputs still to come can see; its first sample has index `#origin`. */
  #input: Float32Array;
  #origin: number;
  #produced = 0;

  constructor(from: number, to: number) {
    const shared = gcd(from, to);
    this.#step = from / shared;
    this.#phases = to / shared;
    const cutoff = Math.min(1, to / from) * PASS;
    this.#reach = Math.ceil(LOBES / cutoff);
    this.#kernels = kernels(this.#phases, this.#reach, cutoff);
    this.#input = new Float32Array(this.#reach);
    this.#origin = -this.#reach;
  }

  /** Output that `samples` complete; may be empty. */
  push(samples: Float32Array): Float32Array<ArrayBuffer> {
    this.#input = joined(this.#input, samples);
    const end = this.#origin + this.#input.length - this.#reach;
    const last = Math.ceil((end * this.#phases) / this.#step);
    const out = new Float32Array(Math.max(0, last - this.#produced));
    for (let i = 0; i < out.length; i++) out[i] = this.#at(this.#produced + i);
    this.#produced += out.length;
    this.#forget();
    return out;
  }

  /** The rest, as if silence followed. */
  flush(): Float32Array<ArrayBuffer> {
    return this.push(new Float32Array(this.#reach));
  }

  #at(index: number): number {
    const position = index * this.#step;
    const whole = Math.floor(position / this.#phases);
    const kernel = this.#kernels[position - whole * this.#phases] as Float32Array;
    const first = whole - this.#reach + 1 - this.#origin;
    let sum = 0;
    for (let tap = 0; tap < kernel.length; tap++) {
      sum += (kernel[tap] as number) * (this.#input[first + tap] ?? 0);
    }
    return sum;
  }

  #forget(): void {
    const next = Math.floor((this.#produced * this.#step) / this.#phases) - this.#reach + 1;
    const spent = Math.max(0, next - this.#origin);
    this.#input = this.#input.slice(spent);
    this.#origin += spent;
  }
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

function joined(a: Float32Array, b: Float32Array): Float32Array {
  const both = new Float32Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

/** One kernel of `2 · reach` taps for each fraction of an input sample, each of unit gain. */
function kernels(phases: number, reach: number, cutoff: number): Float32Array[] {
  return Array.from({ length: phases }, (_, phase) => {
    const taps = new Float32Array(2 * reach);
    for (let tap = 0; tap < taps.length; tap++) {
      const distance = tap - reach + 1 - phase / phases;
      taps[tap] = sinc(distance * cutoff) * blackman(distance / reach);
    }
    const gain = taps.reduce((sum, tap) => sum + tap, 0);
    return taps.map((tap) => tap / gain);
  });
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

function blackman(x: number): number {
  if (Math.abs(x) >= 1) return 0;
  return 0.42 + 0.5 * Math.cos(Math.PI * x) + 0.08 * Math.cos(2 * Math.PI * x);
}
