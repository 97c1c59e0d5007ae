/** The engines whose notices the page has words for, by their names. */
const KNOWN = [
  ["pocketsphinx", /^pocketsphinx/i],
  ["whisper", /whisper (tiny|base)\b/i],
  ["demo", /^demo responder$/i],
  ["espeak", /^espeak/i],
  ["piper", /^piper/i],
  ["kokoro", /^kokoro/i],
  ["f5", /^F5-TTS/i],
  ["cosyvoice", /^CosyVoice/i],
] as const;

export type NoticedEngine = (typeof KNOWN)[number][0];

/** Which of them `name` is; engines that somebody else runs say their notices themselves. */
export function noticeOf(name: string): NoticedEngine | null {
  return KNOWN.find(([, pattern]) => pattern.test(name))?.[0] ?? null;
}
