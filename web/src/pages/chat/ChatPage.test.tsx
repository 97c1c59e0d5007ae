// @vitest-environment jsdom
import "../../test/setup";
import { act, render, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { I18nextProvider } from "react-i18next";
import { MemoryRouter } from "react-router";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { browserSource } from "../../audio/source";
import { startWords } from "../../i18n";
import { Chat } from "../../state/chat";
import { ServicesProvider } from "../../state/context";
import { type Locale, settingsStore } from "../../state/settings";
import { FakeSocket, session } from "../../test/fakes";
import { ChatPage } from "./ChatPage";

const T = { turn_id: "t1" } as const;

/** The page on a socket whose other end is the test. */
async function open(locale: Locale = "en") {
  const sockets: FakeSocket[] = [];
  const settings = settingsStore(localStorage, [locale]);
  let ids = 0;
  const chat = new Chat(settings, {
    connect: () => {
      sockets.push(new FakeSocket());
      return sockets.at(-1) as FakeSocket;
    },
    source: browserSource,
    newId: () => `u${++ids}`,
    now: () => 0,
    onRefused: () => undefined,
  });
  const words = await startWords(locale);
  render(
    <I18nextProvider i18n={words}>
      <ServicesProvider value={{ chat, settings }}>
        <MemoryRouter>
          <ChatPage />
        </MemoryRouter>
      </ServicesProvider>
    </I18nextProvider>,
  );
  const socket = () => sockets.at(-1) as FakeSocket;
  const say = (...messages: Parameters<FakeSocket["say"]>[0][]) =>
    act(() => {
      for (const message of messages) socket().say(message);
    });
  act(() => socket().open());
  say(session());
  return { chat, sockets, socket, say };
}

const ACCEPTED = { type: "accepted", ...T, utterance_id: "u1", turn_number: 1 } as const;

/** Sound is the browser tests' business; here an AudioContext only has to be there. */
class SilentContext {
  state = "running";
  sampleRate = 48_000;
  currentTime = 0;
  destination = {};
  audioWorklet = { addModule: () => new Promise(() => undefined) };
  createGain = () => ({ gain: { setTargetAtTime: () => undefined }, connect: () => undefined });
  resume = async () => undefined;
  close = async () => undefined;
}

beforeEach(() => {
  localStorage.clear();
  vi.stubGlobal("AudioContext", SilentContext);
  vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener: () => undefined }));
  HTMLCanvasElement.prototype.getContext = () => null;
});

describe("the talk page", () => {
  it("sends what is typed, and shows the answer as it comes", async () => {
    const { socket, say } = await open();
    await userEvent.type(screen.getByLabelText("Type a message"), "Hello there{Enter}");
    expect(socket().of("text")).toEqual([
      { type: "text", utterance_id: "u1", text: "Hello there" },
    ]);
    say(ACCEPTED, { type: "llm_token", ...T, token: "Good " });
    say({ type: "llm_token", ...T, token: "morning." });
    expect(screen.getByText("Good morning.")).toBeInTheDocument();
  });

  it("does not send while Zhuyin is being composed", async () => {
    const { socket } = await open("zh-TW");
    const field = screen.getByLabelText("輸入訊息");
    await userEvent.type(field, "你好");
    act(() => {
      field.dispatchEvent(
        new KeyboardEvent("keydown", { key: "Enter", bubbles: true, isComposing: true }),
      );
    });
    expect(socket().of("text")).toEqual([]);
  });

  it("shows words that may still change lighter than those that won't", async () => {
    const { say } = await open();
    say(ACCEPTED, { type: "transcription", ...T, text: "what is the whether", stable_chars: 12 });
    expect(screen.getByText("whether")).toBeInTheDocument();
    say({
      type: "transcription",
      ...T,
      text: "what is the weather",
      stable_chars: 0,
      is_final: true,
    });
    expect(screen.getByText("what is the weather")).toBeInTheDocument();
    expect(screen.getByText("Understood: what is the weather")).toBeInTheDocument();
  });

  it("marks what was not heard of an interrupted answer", async () => {
    const { say } = await open();
    say(ACCEPTED, { type: "llm_response", ...T, text: "One. Two. Three." });
    say({ type: "turn_done", ...T, timings: {}, interrupted: true, heard_text: "One." });
    expect(screen.getByText("Two. Three.")).toBeInTheDocument();
    expect(screen.getByText("Interrupted. Heard up to here.")).toBeInTheDocument();
  });

  it("says in clear words what failed, and does it again when asked", async () => {
    const { socket, say } = await open();
    await userEvent.type(screen.getByLabelText("Type a message"), "Hello{Enter}");
    say(ACCEPTED, {
      type: "error",
      ...T,
      code: "LLM_UNAVAILABLE",
      message: "connection refused",
      retryable: true,
    });
    const note = screen.getByRole("alert");
    expect(note).toHaveTextContent("The language model is not answering.");
    await userEvent.click(within(note).getByRole("button", { name: "Try again" }));
    expect(
      socket()
        .of("text")
        .map((message) => message.utterance_id),
    ).toEqual(["u1", "u2"]);
  });

  it("has a correction answered instead", async () => {
    const { socket, say } = await open();
    say(ACCEPTED, { type: "transcription", ...T, text: "I red it", is_final: true });
    await userEvent.click(screen.getByRole("button", { name: "Correct what was understood" }));
    const field = screen.getByLabelText("What you really said");
    await userEvent.clear(field);
    await userEvent.type(field, "I read it{Enter}");
    expect(socket().of("edit_transcription")).toEqual([
      { type: "edit_transcription", turn_id: "t1", revision: 1, text: "I read it" },
    ]);
  });

  it("sends what was typed while the connection was gone once it is back", async () => {
    const { chat, sockets, socket } = await open();
    act(() => socket().drop());
    expect(screen.getByText(/Connection lost/)).toBeInTheDocument();
    await userEvent.type(screen.getByLabelText("Type a message"), "Still there?{Enter}");
    act(() => chat.reconnect());
    expect(sockets).toHaveLength(2);
    act(() => socket().open());
    act(() => socket().say(session("s1", true)));
    expect(socket().of("text")).toEqual([
      { type: "text", utterance_id: "u1", text: "Still there?" },
    ]);
  });

  it("tells which engines run and what they can't do", async () => {
    await open();
    HTMLDialogElement.prototype.showModal = function open(this: HTMLDialogElement) {
      this.open = true;
    };
    await userEvent.click(screen.getByRole("button", { name: /Built-in engines/ }));
    const dialog = screen.getByRole("dialog");
    expect(dialog).toHaveTextContent("pocketsphinx");
    expect(dialog).toHaveTextContent("BSD-2-Clause");
    expect(dialog).toHaveTextContent("Hears clear English only.");
    expect(dialog).toHaveTextContent("not stated");
  });

  it("explains why there is no microphone", async () => {
    await open("zh-TW");
    vi.stubGlobal("isSecureContext", false);
    await userEvent.click(screen.getByRole("button", { name: "按住說話" }));
    expect(await screen.findByText(/瀏覽器只允許以 https 開啟/)).toBeInTheDocument();
  });

  it("asks the server for hands-free when it is switched on", async () => {
    const { socket } = await open();
    await userEvent.click(screen.getByRole("switch", { name: "Hands-free" }));
    expect(socket().of("configure").at(-1)?.turn_detection).toBe("server_vad");
  });
});
