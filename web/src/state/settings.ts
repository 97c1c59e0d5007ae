import type { Configure } from "../contract/generated";
import { Store } from "./store";

export type Locale = "zh-TW" | "en";
export type ThemeChoice = "system" | "light" | "dark";

/** What a person chose; kept in this browser only. */
export interface Settings {
  locale: Locale;
  theme: ThemeChoice;
  language: "auto" | "en" | "zh";
  ttsMode: "fast" | "hq";
  /** 0 eager … 1 patient */
  patience: number;
  handsFree: boolean;
  muted: boolean;
  microphone: "pcm" | "webm";
  transport: "binary" | "json";
  /** echo cancellation, noise suppression and gain control of the browser */
  processed: boolean;
  storeAudio: boolean;
  /** answer in the speaker's own voice, where an engine can */
  selfClone: boolean;
  voiceProfileId: string | null;
  instructions: string;
}

const KEY = "avatar.settings";

const DEFAULTS: Omit<Settings, "locale"> = {
  theme: "system",
  language: "auto",
  ttsMode: "fast",
  patience: 0.5,
  handsFree: false,
  muted: false,
  microphone: "pcm",
  transport: "binary",
  processed: true,
  storeAudio: true,
  selfClone: false,
  voiceProfileId: null,
  instructions: "",
};

/** The first of the person's languages that the page speaks. */
export function preferredLocale(languages: readonly string[]): Locale {
  const spoken = languages.find((tag) => /^(zh|en)\b/i.test(tag));
  return spoken?.toLowerCase().startsWith("zh") ? "zh-TW" : "en";
}

/** Settings as they were left; what is damaged or new has its default. */
export function readSettings(storage: Storage, languages: readonly string[]): Settings {
  const fallback: Settings = { ...DEFAULTS, locale: preferredLocale(languages) };
  const kept = parsed(storage.getItem(KEY));
  const known = Object.entries(kept).filter(
    ([name, value]) => name in fallback && alike(value, fallback[name as keyof Settings]),
  );
  return { ...fallback, ...Object.fromEntries(known) };
}

/** A store that writes every change to `storage`. */
export function settingsStore(storage: Storage, languages: readonly string[]): Store<Settings> {
  const store = new Store(readSettings(storage, languages));
  store.watch(() => storage.setItem(KEY, JSON.stringify(store.get())));
  return store;
}

/** What `settings` ask of the server, as far as this browser `can` record. */
export function configurationOf(
  settings: Settings,
  can: (microphone: Settings["microphone"]) => boolean,
): Omit<Configure, "type"> {
  const webm = settings.microphone === "webm" && can("webm");
  return {
    voice_profile_id: settings.voiceProfileId,
    tts_mode: settings.ttsMode,
    language: settings.language,
    locale: settings.locale,
    turn_detection: settings.handsFree ? "server_vad" : "none",
    patience: settings.patience,
    instructions: settings.instructions || null,
    store_audio: settings.storeAudio,
    self_clone: settings.selfClone,
    audio_in: webm
      ? { codec: "webm_opus", sample_rate: 48_000 }
      : { codec: "pcm_s16le", sample_rate: 16_000 },
    audio_out: settings.transport,
  };
}

function parsed(text: string | null): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text ?? "{}");
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

function alike(value: unknown, sample: unknown): boolean {
  if (sample === null) return value === null || typeof value === "string";
  return typeof value === typeof sample;
}
