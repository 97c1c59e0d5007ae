import type { EngineInfo, Engines } from "../../contract/generated";

/** Whose limits the page can tell in the reader's language, by the name that the server sends. */
export type KnownEngine = "pocketsphinx" | "whisper" | "demo" | "espeak" | "kokoro" | "noBetter";

const NAMES: [RegExp, KnownEngine][] = [
  [/^pocketsphinx\b/, "pocketsphinx"],
  [/^faster-whisper (?:tiny|base)$/, "whisper"],
  [/^demo responder$/, "demo"],
  [/^espeak-ng\b/, "espeak"],
  [/^Kokoro\b/, "kokoro"],
];

/** The engine of a stage, where its limits are known here; `noBetter`: hq is the fast voice. */
export function knownEngine(engines: Engines, stage: keyof Engines): KnownEngine | null {
  const { name }: EngineInfo = engines[stage];
  if (stage === "tts_hq" && name === engines.tts_fast.name) return "noBetter";
  return NAMES.find(([pattern]) => pattern.test(name))?.[1] ?? null;
}
