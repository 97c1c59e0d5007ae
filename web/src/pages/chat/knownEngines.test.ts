import { expect, it } from "vitest";
import type { Engines } from "../../contract/generated";
import { en } from "../../i18n/en";
import { zhTW } from "../../i18n/zh-TW";
import { ENGINES } from "../../test/fakes";
import { limitedEngine } from "./knownEngines";

/** These engines, by their names. */
function named(stt: string, llm: string, fast: string, hq = fast): Engines {
  const engine = (name: string) => ({ ...ENGINES.stt, name });
  return { stt: engine(stt), llm: engine(llm), tts_fast: engine(fast), tts_hq: engine(hq) };
}

const known = (engines: Engines) =>
  (["stt", "llm", "tts_fast", "tts_hq"] as const).map((stage) => limitedEngine(engines, stage));

it("tells of the engines that run, not of those that could", () => {
  const plain = named("faster-whisper base", "demo responder", "Kokoro-82M");
  expect(known(plain)).toEqual(["whisper", "demo", "kokoro", "noBetter"]);
  const small = named("pocketsphinx", "demo responder", "espeak-ng");
  expect(known(small)).toEqual(["pocketsphinx", "demo", "espeak", "noBetter"]);
});

it("claims nothing of an engine that it does not know", () => {
  const large = named("faster-whisper large-v3-turbo", "Qwen2.5-7B", "Piper", "F5-TTS");
  expect(known(large)).toEqual([null, null, null, null]);
  expect(limitedEngine(named("whisper-1", "demo", "Piper", "Kokoro-82M"), "tts_hq")).toBe("kokoro");
});

it("calls only eSpeak's voice plain, in both languages", () => {
  const plain = (words: Record<string, string>, pattern: RegExp) =>
    Object.keys(words).filter((name) => pattern.test(words[name] ?? ""));
  expect(plain(en.engines.known, /plain/)).toEqual(["espeak"]);
  expect(plain(zhTW.engines.known, /樸素/)).toEqual(["espeak"]);
});
