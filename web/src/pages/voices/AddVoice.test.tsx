// @vitest-environment jsdom
import "../../test/setup";
import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { I18nextProvider } from "react-i18next";
import { expect, it, vi } from "vitest";
import { startWords } from "../../i18n";
import { en } from "../../i18n/en";
import { zhTW } from "../../i18n/zh-TW";
import type { Locale } from "../../state/settings";
import { AddVoice } from "./AddVoice";

/** Send a recording that is refused with `problem`, and read what the page says. */
async function refusal(locale: Locale, problem: object): Promise<HTMLElement> {
  const words = (locale === "en" ? en : zhTW).voices;
  const headers = { "content-type": "application/problem+json" };
  const body = JSON.stringify({ detail: "in the server's words", ...problem });
  vi.stubGlobal("fetch", async () => new Response(body, { status: 400, headers }));
  render(
    <I18nextProvider i18n={await startWords(locale)}>
      <AddVoice onAdded={() => undefined} />
    </I18nextProvider>,
  );
  await userEvent.upload(screen.getByLabelText(words.file), new File(["x"], "x.wav", audio));
  await userEvent.type(screen.getByLabelText(words.name), "Ann");
  await userEvent.type(screen.getByLabelText(words.owner), "Ann");
  await userEvent.click(screen.getByLabelText(words.consent));
  await userEvent.click(screen.getByRole("button", { name: words.upload }));
  return screen.findByRole("alert");
}

const audio = { type: "audio/wav" };

it.each([
  ["en", { code: "BAD_AUDIO", reason: "SPEECH_TOO_SHORT" }, "too little speech"],
  ["en", { code: "BAD_AUDIO", reason: "DISTORTED" }, "Turn the microphone down"],
  ["zh-TW", { code: "BAD_AUDIO", reason: "SPEECH_TOO_SHORT" }, "至少要有 3 秒的語音"],
  ["zh-TW", { code: "NO_SPEECH", reason: "SILENT" }, "沒有人說話"],
  ["en", { code: "BAD_AUDIO", reason: "NEWER_THAN_THE_PAGE" }, "does not make a voice"],
  ["en", { code: "CONFLICT" }, "a voice of this name already"],
] as const)("says why a recording was refused, in the page's language (%s, %o)", async (...one) => {
  const [locale, problem, words] = one;
  expect(await refusal(locale, problem)).toHaveTextContent(words);
});

it.each([en, zhTW])("asks for as long a recording as it takes", ({ voices }) => {
  const { fileHint, errors } = voices;
  for (const text of [fileHint, errors.BAD_AUDIO.advice, errors.NO_SPEECH.advice]) {
    expect(text).toMatch(/3 (to|到) 30/);
  }
});
