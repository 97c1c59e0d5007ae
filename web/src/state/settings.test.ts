// @vitest-environment jsdom
import { beforeEach, describe, expect, it } from "vitest";
import { configurationOf, preferredLocale, readSettings, settingsStore } from "./settings";

describe("settings", () => {
  beforeEach(() => localStorage.clear());

  it.each([
    [["zh-Hant-TW", "en"], "zh-TW"],
    [["ja", "zh-CN"], "zh-TW"],
    [["de-DE", "en-GB"], "en"],
    [["fr"], "en"],
    [[], "en"],
  ])("of a reader of %j are in %s", (languages, locale) => {
    expect(preferredLocale(languages)).toBe(locale);
  });

  it("are kept", () => {
    settingsStore(localStorage, ["en"]).update((was) => ({ ...was, patience: 0.9 }));
    expect(readSettings(localStorage, ["en"]).patience).toBe(0.9);
  });

  it.each(["not json", "[]", "null", '{"patience": "much", "strange": 1}'])(
    "fall back where what was kept is damaged: %s",
    (text) => {
      localStorage.setItem("avatar.settings", text);
      const settings = readSettings(localStorage, ["en"]);
      expect(settings.patience).toBe(0.5);
      expect(settings).not.toHaveProperty("strange");
    },
  );

  it("become what the server is asked for", () => {
    const settings = readSettings(localStorage, ["zh-TW"]);
    expect(configurationOf(settings, () => true)).toMatchObject({
      locale: "zh-TW",
      turn_detection: "none",
      audio_in: { codec: "pcm_s16le", sample_rate: 16_000 },
      audio_out: "binary",
    });
    const webm = configurationOf({ ...settings, microphone: "webm", handsFree: true }, () => true);
    expect(webm).toMatchObject({
      turn_detection: "server_vad",
      audio_in: { codec: "webm_opus", sample_rate: 48_000 },
    });
  });
});
