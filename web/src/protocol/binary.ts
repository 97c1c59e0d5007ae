/**
 * Binary audio frames down: a 12-byte little-endian header, then mono `pcm_s16le`.
 *
 *     | u8 version | u8 kind | u16 flags | u32 turn_number | u32 seq | PCM …
 *
 * The vectors of `avatar_contract/vectors/binary_frames.json` hold this file to the server's side.
 */

export const HEADER_BYTES = 12;
const VERSION = 1;
const KIND_AUDIO = 1;

/** A piece of an answer's sound. */
export interface AudioFrame {
  turnNumber: number;
  seq: number;
  flags: number;
  pcm: Uint8Array;
}

/** The frame in `data`, or null where it is too short or of another version or kind. */
export function parseAudioFrame(data: ArrayBuffer): AudioFrame | null {
  if (data.byteLength < HEADER_BYTES) return null;
  const view = new DataView(data);
  if (view.getUint8(0) !== VERSION || view.getUint8(1) !== KIND_AUDIO) return null;
  return {
    flags: view.getUint16(2, true),
    turnNumber: view.getUint32(4, true),
    seq: view.getUint32(8, true),
    pcm: new Uint8Array(data, HEADER_BYTES),
  };
}

/** Bytes of base64 `text`. */
export function fromBase64(text: string): Uint8Array {
  const binary = atob(text);
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

/** Base64 of `bytes`. */
export function toBase64(bytes: ArrayBuffer): string {
  let binary = "";
  for (const byte of new Uint8Array(bytes)) binary += String.fromCharCode(byte);
  return btoa(binary);
}
