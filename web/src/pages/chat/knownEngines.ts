import type { Engines } from "../../contract/generated";

/** The engines that the page has words for, by the names that the server sends. */
const NAMES = [
  ["pocketsphinx", /^pocketsphinx\b/i],
  ["whisper", /^faster-whisper (?:tiny|base)$/i],
  ["demo", /^demo responder$/i],
  ["espeak", /^espeak/i],
  ["piper", /^piper/i],
  ["kokoro", /^kokoro\b/i],
  ["f5", /^F5-TTS/i],
  ["cosyvoice", /^CosyVoice/i],
] as const;

export type KnownEngine = (typeof NAMES)[number][0];

/** Those of them whose limits are told before anybody speaks; `noBetter`: hq is the fast voice. */
export type LimitedEngine = Exclude<KnownEngine, "piper" | "f5" | "cosyvoice"> | "noBetter";

/** Which of them `name` is; engines that somebody else runs say their notices themselves. */
export function knownEngine(name: string): KnownEngine | null {
  return NAMES.find(([, pattern]) => pattern.test(name))?.[0] ?? null;
}

/** The engine of a stage, where its limits are to be told. */
export function limitedEngine(engines: Engines, stage: keyof Engines): LimitedEngine | null {
  const { name } = engines[stage];
  if (stage === "tts_hq" && name === engines.tts_fast.name) return "noBetter";
  const known = knownEngine(name);
  return known === "piper" || known === "f5" || known === "cosyvoice" ? null : known;
}
