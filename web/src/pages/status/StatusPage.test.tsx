// @vitest-environment jsdom
import "../../test/setup";
import { render, screen, within } from "@testing-library/react";
import { I18nextProvider } from "react-i18next";
import { expect, it, vi } from "vitest";
import type { Status } from "../../api/types";
import { startWords } from "../../i18n";
import { ENGINES } from "../../test/fakes";
import StatusPage from "./StatusPage";

const STATUS: Status = {
  auth: false,
  services: {
    stt: {
      reachable: true,
      health: {
        status: "ok",
        service: "stt",
        version: "1",
        models: [
          {
            name: "sphinx",
            state: "ready",
            device: "cpu",
            degraded: false,
            detail: ENGINES.stt.notice ?? null,
          },
          {
            name: "other",
            state: "failed",
            device: "cpu",
            degraded: false,
            detail: "out of memory",
          },
        ],
        engine: ENGINES.stt,
        parts: {},
        load: { workers_busy: 1, newer_than_the_page: 2 },
      },
    },
  },
  engines: {},
  sessions: { held: 0, waiting: 0, maximum: 5 },
  stages: {},
};

it.each([
  ["en", "Processes at work", /knows both languages/],
  ["zh-TW", "忙碌的行程", /中英文都聽得懂/],
] as const)("names what a service is busy with in words (%s)", async (locale, words, notice) => {
  vi.stubGlobal("fetch", async () => Response.json(STATUS));
  render(
    <I18nextProvider i18n={await startWords(locale)}>
      <StatusPage />
    </I18nextProvider>,
  );
  const card = (await screen.findByText(words)).closest("li") as HTMLElement;
  expect(within(card).getByText("newer than the page")).toBeInTheDocument();
  expect(card).toHaveTextContent(notice);
  expect(within(card).getByText("out of memory")).toHaveAttribute("lang", "en");
  expect(card).not.toHaveTextContent("workers_busy");
});
