// @vitest-environment jsdom
import "../test/setup";
import { act, render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { I18nextProvider } from "react-i18next";
import { MemoryRouter } from "react-router";
import { beforeEach, expect, it, vi } from "vitest";
import { startWords } from "../i18n";
import { ServicesProvider } from "../state/context";
import { chatRig } from "../test/chatRig";
import { Shell } from "./Shell";

beforeEach(() => {
  vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener: () => undefined }));
});

async function open(path: string) {
  const { chat, settings } = chatRig();
  render(
    <I18nextProvider i18n={await startWords("en")}>
      <ServicesProvider value={{ chat, settings }}>
        <MemoryRouter initialEntries={[path]}>
          <Shell>a page</Shell>
        </MemoryRouter>
      </ServicesProvider>
    </I18nextProvider>,
  );
  return { chat, interrupt: vi.spyOn(chat, "interrupt") };
}

const STOP = { name: "Stop the answer" };

it("lets an answer be stopped from every page, by button and by Esc, while it speaks", async () => {
  const { chat, interrupt } = await open("/settings");
  expect(screen.queryByRole("button", STOP)).toBeNull();
  await userEvent.keyboard("{Escape}");
  expect(interrupt).not.toHaveBeenCalled();
  act(() => chat.speaking.set(true));
  await userEvent.click(screen.getByRole("button", STOP));
  await userEvent.keyboard("{Escape}");
  expect(interrupt).toHaveBeenCalledTimes(2);
});

it("leaves that to Talk where one is there", async () => {
  const { chat } = await open("/chat");
  act(() => chat.speaking.set(true));
  expect(screen.queryByRole("button", STOP)).toBeNull();
});
