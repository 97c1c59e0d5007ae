import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { fromBase64, parseAudioFrame, toBase64 } from "./binary";

interface Vectors {
  valid: { turn_number: number; seq: number; flags: number; pcm: string; frame: string }[];
  invalid: { why: string; frame: string }[];
}

const path = "../contract/src/avatar_contract/vectors/binary_frames.json";
const vectors = JSON.parse(readFileSync(path, "utf-8")) as Vectors;

function bytes(hex: string): ArrayBuffer {
  return new Uint8Array((hex.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16))).buffer;
}

describe("a binary audio frame", () => {
  it.each(vectors.valid)("is read as the contract says: $frame", (vector) => {
    const frame = parseAudioFrame(bytes(vector.frame));
    expect(frame).toEqual({
      turnNumber: vector.turn_number,
      seq: vector.seq,
      flags: vector.flags,
      pcm: new Uint8Array(bytes(vector.pcm)),
    });
  });

  it.each(vectors.invalid)("is refused when it is $why", ({ frame }) => {
    expect(parseAudioFrame(bytes(frame))).toBeNull();
  });
});

it("base64 comes back as it went", () => {
  const piece = Uint8Array.from({ length: 256 }, (_, i) => i);
  expect(fromBase64(toBase64(piece.buffer))).toEqual(piece);
});
