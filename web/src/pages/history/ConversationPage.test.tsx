// @vitest-environment jsdom
import "../../test/setup";
import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { I18nextProvider } from "react-i18next";
import { MemoryRouter, Route, Routes } from "react-router";
import { afterEach, expect, it, vi } from "vitest";
import { startWords } from "../../i18n";
import { ServicesProvider } from "../../state/context";
import { chatRig, stored, view } from "../../test/chatRig";
import ConversationPage from "./ConversationPage";

/** The page of conversation s1 at a gateway that answers `resume` with `granted`. */
async function open(granted: { status: number; body: object }) {
  const rig = chatRig({ stored: view(stored()) });
  const asked: string[] = [];
  vi.stubGlobal("fetch", async (path: string, init: RequestInit) => {
    asked.push(`${init.method ?? "GET"} ${path}`);
    return path.endsWith("/resume")
      ? Response.json(granted.body, { status: granted.status })
      : Response.json(view(stored()));
  });
  const words = await startWords("en");
  render(
    <I18nextProvider i18n={words}>
      <ServicesProvider value={{ chat: rig.chat, settings: rig.settings }}>
        <MemoryRouter initialEntries={["/history/s1"]}>
          <Routes>
            <Route path="/history/:sessionId" element={<ConversationPage />} />
            <Route path="/chat" element={<h1>Talk</h1>} />
          </Routes>
        </MemoryRouter>
      </ServicesProvider>
    </I18nextProvider>,
  );
  await userEvent.click(await screen.findByRole("button", { name: "Continue" }));
  return { ...rig, asked };
}

afterEach(() => void vi.unstubAllGlobals());

it("goes on with an old conversation on the talk page", async () => {
  const body = { session_id: "s1", resume_token: "minted" };
  const { chat, asked, socket } = await open({ status: 200, body });
  expect(await screen.findByRole("heading", { name: "Talk" })).toBeInTheDocument();
  expect(asked).toContain("POST /api/conversation/s1/resume");
  expect(chat.conversation.get().turns).toMatchObject([{ userText: "My name is Ada." }]);
  socket().open();
  expect(socket().of("resume")).toMatchObject([{ resume_token: "minted", last_seq: 0 }]);
});

it("says why it can't", async () => {
  const body = { code: "NOT_FOUND", detail: "no such conversation" };
  await open({ status: 404, body });
  expect(await screen.findByRole("alert")).toHaveTextContent("That is not there any more.");
  expect(screen.queryByRole("heading", { name: "Talk" })).toBeNull();
});
