import { describe, expect, it } from "vitest";
import { FRAME_SAMPLES, Framer } from "./framer";
import { fromPcm16, loudness, rms, toPcm16 } from "./pcm";
import { Resampler } from "./resampler";

function sine(hertz: number, rate: number, seconds: number): Float32Array {
  return Float32Array.from(
    { length: Math.round(rate * seconds) },
    (_, i) => Math.sin((2 * Math.PI * hertz * i) / rate) * 0.5,
  );
}

/** All of `samples` through `resampler`, in pieces of `size`. */
function converted(samples: Float32Array, resampler: Resampler, size: number): Float32Array {
  const out: number[] = [];
  for (let at = 0; at < samples.length; at += size) {
    out.push(...resampler.push(samples.subarray(at, at + size)));
  }
  return Float32Array.from([...out, ...resampler.flush()]);
}

describe("the sample rate converter", () => {
  const middle = (samples: Float32Array) =>
    samples.subarray(samples.length / 4, (samples.length * 3) / 4);

  it.each([
    [48_000, 16_000],
    [44_100, 16_000],
    [8_000, 16_000],
    [22_050, 48_000],
    [24_000, 44_100],
  ])("keeps a tone where it was: %i to %i Hz", (from, to) => {
    const out = converted(sine(1000, from, 0.25), new Resampler(from, to), 128);
    const wanted = sine(1000, to, 0.25);
    expect(Math.abs(out.length - wanted.length)).toBeLessThanOrEqual(Math.ceil(to / from));
    const error = middle(wanted).map((sample, i) => sample - (middle(out)[i] ?? 0));
    expect(rms(error)).toBeLessThan(0.002);
  });

  it("lets nothing above the lower band fold back", () => {
    const out = converted(sine(11_000, 48_000, 0.25), new Resampler(48_000, 16_000), 128);
    expect(rms(middle(out))).toBeLessThan(0.0005);
  });

  it("gives the same however the sound is cut into pieces", () => {
    const tone = sine(440, 44_100, 0.1);
    const one = converted(tone, new Resampler(44_100, 16_000), tone.length);
    const many = converted(tone, new Resampler(44_100, 16_000), 37);
    expect(many).toEqual(one);
  });
});

describe("the framer", () => {
  it("cuts 40 ms frames, and the rest at the end; no sample is lost", () => {
    const framer = new Framer(48_000);
    const frames = [...framer.push(sine(300, 48_000, 0.5)), ...framer.flush()];
    const samples = frames.map((frame) => frame.pcm.byteLength / 2);
    expect(samples.slice(0, -1).every((count) => count === FRAME_SAMPLES)).toBe(true);
    expect(samples.reduce((sum, count) => sum + count, 0)).toBe(8000);
    expect(frames[2]?.level).toBeCloseTo(0.5 / Math.SQRT2, 2);
  });

  it("hands 16 kHz through untouched", () => {
    const tone = sine(300, 16_000, 0.04);
    const [frame] = new Framer(16_000).push(tone);
    expect(fromPcm16(new Uint8Array(frame?.pcm ?? new ArrayBuffer(0)))[100]).toBeCloseTo(
      tone[100] ?? 0,
      4,
    );
  });
});

describe("PCM", () => {
  it("clips instead of wrapping round", () => {
    const view = new DataView(toPcm16(Float32Array.of(2, -2, 0)));
    expect([0, 2, 4].map((at) => view.getInt16(at, true))).toEqual([32767, -32768, 0]);
  });

  it("is read at any place of a buffer, and an odd byte is left out", () => {
    const bytes = Uint8Array.of(9, 0, 64, 0, 192, 7).subarray(1);
    expect([...fromPcm16(bytes)]).toEqual([0.5, -0.5]);
  });

  it("is as loud as an ear finds it", () => {
    expect(loudness(0)).toBe(0);
    expect(loudness(0.5)).toBeCloseTo(1, 1);
    expect(loudness(0.01)).toBeCloseTo(20 / 54, 2);
  });
});
