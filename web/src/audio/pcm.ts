/** Sample formats. Inside the page sound is mono float in −1…1; on the wire it is `pcm_s16le`. */

const FULL_SCALE = 32768;

/** Little-endian 16-bit samples of `samples`, clipped to full scale. */
export function toPcm16(samples: Float32Array): ArrayBuffer {
  const bytes = new ArrayBuffer(samples.length * 2);
  const view = new DataView(bytes);
  for (let i = 0; i < samples.length; i++) {
    const scaled = Math.round((samples[i] ?? 0) * FULL_SCALE);
    view.setInt16(i * 2, Math.max(-FULL_SCALE, Math.min(FULL_SCALE - 1, scaled)), true);
  }
  return bytes;
}

/** Float samples of little-endian 16-bit PCM; an odd last byte is dropped. */
export function fromPcm16(bytes: Uint8Array): Float32Array<ArrayBuffer> {
  const samples = new Float32Array(bytes.byteLength >> 1);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let i = 0; i < samples.length; i++) samples[i] = view.getInt16(i * 2, true) / FULL_SCALE;
  return samples;
}

/** Root mean square, 0…1. */
export function rms(samples: Float32Array): number {
  if (samples.length === 0) return 0;
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return Math.sqrt(sum / samples.length);
}

/** A level 0…1 as an ear would place it: −60 dB is 0, −6 dB is 1. */
export function loudness(level: number): number {
  if (level <= 0) return 0;
  const decibels = 20 * Math.log10(level);
  return Math.max(0, Math.min(1, (decibels + 60) / 54));
}
