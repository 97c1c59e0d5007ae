// @vitest-environment jsdom
import "../../test/setup";
import { act, render, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { I18nextProvider } from "react-i18next";
import { MemoryRouter } from "react-router";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { startWords } from "../../i18n";
import { Chat } from "../../state/chat";
import { ServicesProvider } from "../../state/context";
import type { Locale } from "../../state/settings";
import { chatRig, SilentContext } from "../../test/chatRig";
import { ENGINES, type FakeSocket, session } from "../../test/fakes";
import { ChatPage } from "./ChatPage";

const T = { turn_id: "t1" } as const;

/** The page on a socket whose other end is the test. */
async function open(locale: Locale = "en") {
  const { chat, settings, sockets, socket, audios } = chatRig({ locale, storage: localStorage });
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
  const say = (...messages: Parameters<FakeSocket["say"]>[0][]) =>
    act(() => {
      for (const message of messages) socket().say(message);
    });
  act(() => socket().open());
  say(session());
  return { chat, sockets, socket, say, audios };
}

const ACCEPTED = { type: "accepted", ...T, utterance_id: "u1", turn_number: 1 } as const;

/** A browser with that permission for the microphone; jsdom has no such question. */
function permit(state: string) {
  const query = vi.fn(async () => ({ state }));
  Object.defineProperty(navigator, "permissions", { value: { query }, configurable: true });
  return query;
}

/** Every press is held for a second. */
function pressing(chat: Chat) {
  let seconds = 0;
  vi.spyOn(performance, "now").mockImplementation(() => 1000 * seconds++);
  return {
    user: userEvent.setup(),
    start: vi.spyOn(chat, "startTalking").mockResolvedValue(),
    stop: vi.spyOn(chat, "stopTalking").mockResolvedValue(),
  };
}

afterEach(() => void Reflect.deleteProperty(navigator, "permissions"));

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

  it("stops the answer with Esc where one has just typed, and in a correction only ends that", async () => {
    const { socket, say } = await open();
    const field = screen.getByLabelText("Type a message");
    await userEvent.type(field, "Hello{Enter}");
    say(ACCEPTED, { type: "llm_token", ...T, token: "Good " });
    expect(field).toHaveFocus();
    await userEvent.keyboard("{Escape}");
    expect(socket().of("interrupt")).toEqual([
      { type: "interrupt", turn_id: "t1", revision: 0, played_ms: 0 },
    ]);
    const second = { ...ACCEPTED, turn_id: "t2", utterance_id: "u2", turn_number: 2 } as const;
    say(second, { type: "transcription", turn_id: "t2", text: "I red it", is_final: true });
    await userEvent.click(screen.getByRole("button", { name: "Correct what was understood" }));
    await userEvent.keyboard("{Escape}");
    expect(screen.queryByLabelText("What you really said")).toBeNull();
    expect(socket().of("interrupt")).toHaveLength(1);
  });

  it("talks with the space bar in an empty field, and writes spaces in a message", async () => {
    const { chat } = await open();
    const { user, start, stop } = pressing(chat);
    const field = screen.getByLabelText("Type a message");
    await user.type(field, "Hello{Enter}");
    expect(field).toHaveAccessibleDescription("Space bar talks, Esc stops the answer.");
    await user.keyboard("[Space>]");
    expect(start).toHaveBeenCalledOnce();
    await user.keyboard("[/Space]");
    expect(stop).toHaveBeenCalledOnce();
    expect(field).toHaveValue("");
    await user.type(field, "two words");
    expect(field).toHaveValue("two words");
    expect(start).toHaveBeenCalledOnce();
  });

  it("ends a held space bar wherever the focus went meanwhile", async () => {
    const { chat } = await open();
    const { user, start, stop } = pressing(chat);
    await user.keyboard("[Space>]");
    screen.getByRole("switch", { name: "Hands-free" }).focus();
    await user.keyboard("[/Space]");
    expect(start).toHaveBeenCalledOnce();
    expect(stop).toHaveBeenCalledOnce();
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
    expect(socket().of("edit_transcription")).toEqual([
      { type: "edit_transcription", turn_id: "t1", revision: 1, text: "Hello" },
    ]);
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

  it("says before one speaks that the conversation is a new one, and keeps the old in sight", async () => {
    const { chat, socket, say } = await open();
    const accepted = { ...ACCEPTED, utterance_id: "h1" };
    say(accepted, { type: "transcription", ...T, text: "My name is Ada", is_final: true });
    say({ type: "llm_response", ...T, text: "Nice to meet you, Ada." });
    say({ type: "turn_done", ...T, timings: {}, heard_text: "" });
    act(() => socket().drop());
    act(() => chat.reconnect());
    act(() => socket().open());
    say(session("s2"), { type: "error", code: "NOT_FOUND", message: "", retryable: false });
    const note = screen.getByText("This is a new conversation.").parentElement as HTMLElement;
    expect(note.closest("[role=status]")).toBeInTheDocument();
    expect(within(note).getByRole("link")).toHaveAttribute("href", "/history/s1");
    const items = screen.getByLabelText("Conversation").querySelectorAll("li");
    expect(items).toHaveLength(2);
    expect(items[0]).toHaveTextContent("Nice to meet you, Ada.");
    expect(items[1]).toHaveTextContent("New conversation");
    expect(screen.queryByRole("button", { name: /Correct/ })).toBeNull();
    await userEvent.type(screen.getByLabelText("Type a message"), "Hello{Enter}");
    expect(screen.queryByText("This is a new conversation.")).toBeNull();
    expect(screen.getByLabelText("Conversation").querySelectorAll("li")[1]).toHaveTextContent(
      "New conversation",
    );
  });

  it("says what is away and what still works, and is not ready meanwhile", async () => {
    const { say } = await open();
    const notice = { type: "notice", message: "" } as const;
    say({ type: "status", state: "idle" });
    expect(screen.getByText("Ready")).toBeInTheDocument();
    say({ ...notice, code: "ENGINE_AWAY", stage: "stt" });
    const words = screen.getByText(/speech is not understood for now/);
    expect(words).toHaveTextContent("Typing works.");
    expect(words.closest("[role=status]")).toBeInTheDocument();
    expect(screen.queryByText("Ready")).toBeNull();
    expect(screen.getByText("Ready for typing")).toBeInTheDocument();
    say({ ...notice, code: "ENGINE_AWAY", stage: "llm" });
    expect(screen.getByText("No answers at the moment")).toBeInTheDocument();
    say({ ...notice, code: "ENGINE_BACK", stage: "llm" });
    say({ ...notice, code: "ENGINE_BACK", stage: "stt" });
    expect(screen.getByText("Ready")).toBeInTheDocument();
    expect(screen.queryByText(/not understood for now/)).toBeNull();
  });

  it.each([
    ["tts_fast", "Ready; answers in writing", /answers are shown, not spoken/],
    ["profile", "Ready", /turns are kept on the server/],
  ] as const)("tells what %s means when it is away", async (stage, state, words) => {
    const { say } = await open();
    say({ type: "status", state: "idle" });
    say({ type: "notice", code: "ENGINE_AWAY", stage, message: "" });
    expect(screen.getByText(words)).toBeInTheDocument();
    expect(screen.getByText(state)).toBeInTheDocument();
  });

  it("makes nothing of a voice that is away and not wanted", async () => {
    const { say } = await open();
    say({ type: "status", state: "idle" });
    say({ type: "notice", code: "ENGINE_AWAY", stage: "tts_hq", message: "" });
    expect(screen.getByText("Ready")).toBeInTheDocument();
    expect(screen.queryByText(/The voice is not answering/)).toBeNull();
  });

  it("says that the server restarts, until it is back", async () => {
    const { chat, socket, say } = await open();
    say({ type: "notice", code: "GOING_AWAY", message: "" });
    expect(screen.getByText(/The server is restarting/)).toBeInTheDocument();
    act(() => socket().drop(1012));
    expect(screen.getByText("Connection lost. Reconnecting…")).toBeInTheDocument();
    act(() => chat.reconnect());
    act(() => socket().open());
    say(session("s1", true));
    expect(screen.queryByText(/The server is restarting/)).toBeNull();
  });

  it("shows an answer that the voice could not speak, as not spoken", async () => {
    const { say } = await open();
    say(ACCEPTED, { type: "llm_response", ...T, text: "One. Two." });
    const failure = { code: "TTS_UNAVAILABLE", message: "", retryable: true } as const;
    say({ type: "error", ...T, ...failure }, { type: "turn_done", ...T, timings: {} });
    expect(screen.getByText("One. Two.", { selector: "[data-answer]" })).toBeInTheDocument();
    expect(screen.getByText(/Not spoken: the voice is not answering/)).toBeInTheDocument();
    expect(screen.queryByRole("alert")).toBeNull();
  });

  it("offers to type where nothing is understood", async () => {
    const { say } = await open();
    say(ACCEPTED);
    const failure = { code: "STT_UNAVAILABLE", message: "", retryable: true } as const;
    say({ type: "error", ...T, ...failure });
    await userEvent.click(screen.getByRole("button", { name: "Type instead" }));
    expect(screen.getByLabelText("Type a message")).toHaveFocus();
  });

  it("says that the conversation can't be fetched yet, and offers a new one", async () => {
    const { chat, sockets, socket, say } = await open();
    act(() => socket().drop());
    act(() => chat.reconnect());
    act(() => socket().open());
    const later = { code: "PROFILE_UNAVAILABLE", message: "", retryable: true } as const;
    say(session("s2"), { type: "error", ...later, retry_after_s: 3 });
    expect(
      screen.getByText("Your conversation can't be fetched yet. Trying again in 3 s."),
    ).toBeInTheDocument();
    await userEvent.click(screen.getByRole("button", { name: "New conversation" }));
    expect(sockets).toHaveLength(3);
    act(() => socket().open());
    expect(socket().of("resume")).toEqual([]);
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

  it("says what the voice that speaks can do, before anything was said", async () => {
    const { say } = await open();
    expect(screen.getByText(/^A plain synthetic voice/)).toBeInTheDocument();
    const kokoro = { ...ENGINES.tts_fast, name: "Kokoro-82M" };
    say({ ...session(), engines: { ...ENGINES, tts_fast: kokoro } } as Parameters<typeof say>[0]);
    expect(screen.getByText(/^A natural voice, Chinese and English/)).toBeInTheDocument();
    expect(screen.queryByText(/plain synthetic/)).not.toBeInTheDocument();
  });

  it("says what the engines can't do in the page's language, and links their licences", async () => {
    await open("zh-TW");
    HTMLDialogElement.prototype.showModal = function open(this: HTMLDialogElement) {
      this.open = true;
    };
    await userEvent.click(screen.getByRole("button", { name: /內建引擎/ }));
    const dialog = screen.getByRole("dialog");
    expect(dialog).toHaveTextContent("就會啟動中英文都聽得懂的語音辨識");
    expect(dialog).not.toHaveTextContent("Hears clear English only.");
    expect(within(dialog).getByRole("link", { name: "BSD-2-Clause" })).toHaveAttribute(
      "href",
      "https://spdx.org/licenses/BSD-2-Clause.html",
    );
  });

  it("tells a phone nothing of keys", async () => {
    vi.stubGlobal("matchMedia", (query: string) => ({
      matches: query === "(hover: none)",
      addEventListener: () => undefined,
    }));
    await open();
    expect(screen.getByText(/^Hold the button and speak/)).toBeInTheDocument();
    expect(screen.queryByText(/space bar/i)).toBeNull();
  });

  it("says what releasing or pressing again does while one talks", async () => {
    const { chat } = await open();
    const { user } = pressing(chat);
    const hint = () => document.getElementById("talk-hint");
    expect(hint()).toHaveTextContent("Hold to talk; or press to start");
    await user.keyboard("[Space>]");
    expect(hint()).toHaveTextContent("Release to send");
    await user.keyboard("[/Space]");
    expect(hint()).toHaveTextContent("Hold to talk; or press to start");
    screen.getByRole("button", { name: "Hold to talk" }).focus();
    await user.keyboard("{Enter}");
    expect(hint()).toHaveTextContent("Press again to send");
  });

  it("explains why there is no microphone", async () => {
    await open("zh-TW");
    vi.stubGlobal("isSecureContext", false);
    await userEvent.click(screen.getByRole("button", { name: "按住說話" }));
    expect(await screen.findByText(/瀏覽器只允許以 https 開啟/)).toBeInTheDocument();
  });

  it("says that it listens while one talks over the answer, and offers nothing to stop", async () => {
    const { chat, say } = await open();
    await userEvent.click(screen.getByRole("switch", { name: "Hands-free" }));
    act(() => chat.speech.microphone.set({ phase: "on", problem: null }));
    const clause = { mode: "fast", sample_rate: 24_000, format: "pcm_s16le" } as const;
    const sound = { type: "audio_response", ...T, ...clause, text: "One.", data: btoa("    ") };
    say({ type: "status", state: "speaking" }, ACCEPTED);
    say({ type: "transcription", ...T, text: "Count", is_final: true }, sound as never);
    const stop = { name: "Stop the answer" };
    expect(screen.getByText("Speaking")).toBeInTheDocument();
    expect(screen.getByRole("button", stop)).toBeInTheDocument();
    say({ type: "playback_control", ...T, action: "pause" });
    expect(screen.getByText("Listening")).toBeInTheDocument();
    expect(screen.queryByRole("button", stop)).toBeNull();
    say({ type: "playback_control", ...T, action: "resume" });
    expect(screen.getByText("Speaking")).toBeInTheDocument();
    say({ type: "playback_control", ...T, action: "flush" });
    say({ ...ACCEPTED, turn_id: "t2", utterance_id: "u2", turn_number: 2 });
    say({ type: "transcription", turn_id: "t2", text: "Wait" });
    expect(screen.getByText("Listening")).toBeInTheDocument();
    expect(screen.queryByRole("button", stop)).toBeNull();
    say({ type: "status", state: "transcribing" });
    expect(screen.getByText("Understanding…")).toBeInTheDocument();
  });

  it("ends a replay when one talks or types, stops it with Esc, and mutes it with the answers", async () => {
    const { chat, say, audios } = await open();
    vi.spyOn(chat.speech, "begin").mockResolvedValue();
    say(ACCEPTED, { type: "llm_response", ...T, text: "One." });
    say({ type: "tts_ready", ...T, audio_url: "/api/turn/t1/audio/ai", duration_ms: 900 });
    say({ type: "turn_done", ...T, timings: {}, heard_text: "One." });
    const again = () => userEvent.click(screen.getByRole("button", { name: /Play the answer/ }));
    await again();
    expect(audios.at(-1)).toMatchObject({ src: "/api/turn/t1/audio/ai", playing: true });
    await userEvent.click(screen.getByRole("button", { name: "Mute the answer" }));
    expect(audios.at(-1)?.muted).toBe(true);
    await userEvent.keyboard("{Escape}");
    expect(audios.at(-1)?.playing).toBe(false);
    await again();
    await act(() => chat.startTalking());
    expect(audios.at(-1)?.playing).toBe(false);
    await again();
    act(() => chat.sendText("Hello"));
    expect(audios.at(-1)?.playing).toBe(false);
    expect(audios).toHaveLength(3);
  });

  it("says that it listens while the button is held, whatever the server still does", async () => {
    const { chat, say } = await open();
    say(ACCEPTED, { type: "status", state: "thinking" });
    expect(screen.getByText("Thinking…")).toBeInTheDocument();
    act(() => chat.speech.microphone.set({ phase: "on", problem: null }));
    expect(screen.getByText("Listening")).toBeInTheDocument();
    expect(screen.queryByRole("button", { name: "Stop the answer" })).toBeNull();
  });

  it.each(["granted", "prompt"])(
    "with hands-free left on listens again, or says that it does not (%s)",
    async (state) => {
      localStorage.setItem("avatar.settings", '{"handsFree": true, "locale": "en"}');
      const query = permit(state);
      const listen = vi.spyOn(Chat.prototype, "listen").mockResolvedValue();
      const { chat } = await open();
      await act(async () => void (await query.mock.results[0]?.value));
      expect(screen.getByText(/The microphone is off. Press the button/)).toBeInTheDocument();
      expect(screen.queryByText(/AVATAR answers when you pause/)).toBeNull();
      if (state !== "granted") return expect(listen).not.toHaveBeenCalled();
      expect(listen).toHaveBeenCalledWith(true);
      act(() => chat.speech.microphone.set({ phase: "on", problem: null }));
      expect(screen.getByText(/Just speak. AVATAR answers/)).toBeInTheDocument();
    },
  );

  it("asks the server for hands-free when it is switched on", async () => {
    const { socket } = await open();
    await userEvent.click(screen.getByRole("switch", { name: "Hands-free" }));
    expect(socket().of("configure").at(-1)?.turn_detection).toBe("server_vad");
  });
});
