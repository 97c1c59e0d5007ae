import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ServerMessage } from "../contract/generated";
import { FakeSocket, session } from "../test/fakes";
import type { AudioFrame } from "./binary";
import { ChatSocket, chatAddress } from "./chatSocket";
import { ANSWER_MS, type Opening } from "./linkMachine";

function rig() {
  const sockets: FakeSocket[] = [];
  const frames: AudioFrame[] = [];
  const notices: string[][] = [];
  const messages: ServerMessage[] = [];
  const ready: Opening[] = [];
  const chat = new ChatSocket(
    {
      onMessage: (message) => messages.push(message),
      onNotices: (all) => notices.push(all.map(({ code, stage }) => `${code} ${stage}`)),
      onFrame: (frame) => frames.push(frame),
      onLink: () => undefined,
      onReady: (opening) => ready.push(opening),
      configuration: () => ({ audio_out: "binary" }),
      heardAtBreak: () => ({ turn_id: "t1", revision: 0, played_ms: 420 }),
    },
    () => {
      const socket = new FakeSocket();
      sockets.push(socket);
      return socket;
    },
  );
  const latest = () => sockets.at(-1) as FakeSocket;
  return { chat, sockets, latest, messages, ready, frames, notices };
}

describe("the chat socket", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("says what it wants before anything else, and sends nothing before the greeting", () => {
    const { chat, latest, ready } = rig();
    chat.start();
    latest().open();
    expect(latest().sent).toEqual([{ type: "configure", version: 1, audio_out: "binary" }]);
    expect(chat.send({ type: "audio_end" })).toBe(false);
    latest().say(session());
    expect(ready).toEqual(["first"]);
    expect(chat.send({ type: "audio_end" })).toBe(true);
  });

  it("comes back after a break with what was heard, and drops what it had already", () => {
    const { chat, sockets, latest, messages, ready } = rig();
    chat.start();
    latest().open();
    latest().say(session());
    latest().say({ type: "status", state: "thinking" });
    latest().drop();
    vi.runOnlyPendingTimers();
    expect(sockets).toHaveLength(2);
    latest().open();
    expect(latest().of("resume")).toEqual([
      {
        type: "resume",
        resume_token: "token-s1",
        last_seq: 2,
        turn_id: "t1",
        revision: 0,
        played_ms: 420,
      },
    ]);
    expect(latest().sent[0]).toMatchObject({ type: "resume" });
    latest().raw(JSON.stringify({ ...session("s1", true), seq: 2 }));
    expect(ready).toEqual(["first", "same"]);
    messages.length = 0;
    latest().raw(JSON.stringify({ type: "status", state: "thinking", seq: 2 }));
    latest().raw(JSON.stringify({ type: "status", state: "speaking", seq: 3 }));
    expect(messages.map((message) => message.seq)).toEqual([3]);
  });

  it("goes on with the new conversation when the old one is gone, without an error", () => {
    const { chat, latest, messages, ready } = rig();
    chat.start();
    latest().open();
    latest().say(session());
    latest().drop();
    vi.runOnlyPendingTimers();
    latest().open();
    latest().say(session("s2"));
    latest().say({ type: "notice", code: "EMBEDDED_ENGINE", message: "" });
    expect(messages.some((message) => message.type === "notice")).toBe(false);
    latest().say({ type: "error", code: "NOT_FOUND", message: "", retryable: false });
    expect(ready).toEqual(["first", "lost"]);
    expect(messages.map(({ type }) => type)).toEqual(["session", "session", "notice"]);
    latest().drop();
    vi.runOnlyPendingTimers();
    latest().open();
    expect(latest().of("resume")[0]).toMatchObject({ resume_token: "token-s2", last_seq: 3 });
  });

  it("learns from it what is away now, whatever was away before the break", () => {
    const { chat, latest, notices } = rig();
    chat.start({ sessionId: "s1", token: "token-s1", lastSeq: 4 });
    latest().open();
    latest().say(session("s2"));
    latest().say({ type: "notice", code: "ENGINE_AWAY", stage: "llm", message: "" });
    latest().raw(JSON.stringify({ ...session("s1", true), seq: 4 }));
    expect(notices).toEqual([["ENGINE_AWAY llm"]]);
    latest().drop();
    vi.runOnlyPendingTimers();
    latest().open();
    latest().raw(JSON.stringify({ ...session("s1", true), seq: 4 }));
    expect(notices).toHaveLength(1);
  });

  it("never shows the conversation that is only offered, nor plays its sound", () => {
    const { chat, latest, messages, ready, frames } = rig();
    chat.start({ sessionId: "s1", token: "token-s1", lastSeq: 0 });
    latest().open();
    latest().say(session("s2"));
    latest().raw(new Uint8Array([1, 1, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 7, 7]).buffer);
    latest().raw(JSON.stringify({ ...session("s1", true), seq: 5 }));
    expect(ready).toEqual(["anew"]);
    expect(messages.map((m) => m.type === "session" && m.session_id)).toEqual(["s1"]);
    expect(frames).toHaveLength(0);
  });

  it("keeps asking for the conversation while the store is away", () => {
    const { chat, sockets, latest, messages, ready } = rig();
    chat.start({ sessionId: "s1", token: "token-s1", lastSeq: 0 });
    for (let attempt = 1; attempt <= 3; attempt++) {
      expect(sockets).toHaveLength(attempt);
      latest().open();
      latest().say(session("s2"));
      latest().say({ type: "error", code: "PROFILE_UNAVAILABLE", message: "", retryable: true });
      expect(chat.link).toMatchObject({ phase: "waiting", reason: "PROFILE_UNAVAILABLE" });
      vi.runOnlyPendingTimers();
    }
    latest().open();
    latest().say(session("s1", true));
    expect(ready).toEqual(["anew"]);
    expect(messages.map(({ type }) => type)).toEqual(["session"]);
  });

  it("asks for the conversation again once somebody without a key was let in", () => {
    const { chat, latest, messages } = rig();
    chat.start({ sessionId: "s1", token: "token-s1", lastSeq: 0 });
    latest().open();
    latest().say({ type: "error", code: "UNAUTHORIZED", message: "", retryable: false });
    latest().drop(1008);
    expect(messages.map(({ type }) => type)).toEqual(["error"]);
    expect(chat.link.phase).toBe("refused");
    chat.retry();
    latest().open();
    expect(latest().of("resume")).toHaveLength(1);
  });

  it("gives a connection up that swallows what is said", () => {
    const { chat, sockets, latest } = rig();
    chat.start();
    latest().open();
    latest().say(session());
    chat.send({ type: "text", text: "Is anybody there?" });
    vi.advanceTimersByTime(ANSWER_MS - 1);
    expect(chat.link.phase).toBe("ready");
    latest().say({ type: "status", state: "thinking" });
    vi.advanceTimersByTime(ANSWER_MS);
    expect(chat.link.phase).toBe("ready");
    chat.send({ type: "text", text: "And now?" });
    vi.advanceTimersByTime(ANSWER_MS);
    expect(chat.link.phase).toBe("waiting");
    vi.advanceTimersByTime(500);
    expect(sockets).toHaveLength(2);
    expect(sockets[0]?.closedWith).toBe(4000);
  });

  it("shows that there is no place, and tries again", () => {
    const { chat, sockets, latest, messages } = rig();
    chat.start();
    latest().open();
    latest().say({ type: "error", code: "SERVER_FULL", message: "", retryable: true });
    latest().drop(1013);
    expect(messages.map((message) => message.type)).toEqual(["error"]);
    vi.runOnlyPendingTimers();
    expect(sockets).toHaveLength(2);
  });

  it("opens another conversation when asked to", () => {
    const { chat, sockets, latest } = rig();
    chat.start();
    latest().open();
    latest().say(session());
    chat.stop();
    chat.start();
    expect(sockets).toHaveLength(2);
    expect(sockets[0]?.closedWith).toBe(1000);
    latest().open();
    expect(latest().of("resume")).toEqual([]);
  });
});

it("the address has the page's own host and protocol", () => {
  const at = (url: string) => chatAddress(new URL(url) as unknown as Location);
  expect(at("http://localhost:8000/chat")).toBe("ws://localhost:8000/ws/chat");
  expect(at("https://avatar.lan/status")).toBe("wss://avatar.lan/ws/chat");
});
