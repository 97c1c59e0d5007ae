import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ServerMessage } from "../contract/generated";
import { FakeSocket, session } from "../test/fakes";
import { ChatSocket, chatAddress } from "./chatSocket";

function rig() {
  const sockets: FakeSocket[] = [];
  const messages: ServerMessage[] = [];
  const ready: boolean[] = [];
  const chat = new ChatSocket(
    {
      onMessage: (message) => messages.push(message),
      onFrame: () => undefined,
      onLink: () => undefined,
      onReady: (fresh) => ready.push(fresh),
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
  return { chat, sockets, latest, messages, ready };
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
    expect(ready).toEqual([true]);
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
    latest().raw(JSON.stringify({ ...session("s1", true), seq: 3 }));
    expect(ready).toEqual([true, false]);
    messages.length = 0;
    latest().raw(JSON.stringify({ type: "status", state: "thinking", seq: 2 }));
    latest().raw(JSON.stringify({ type: "status", state: "speaking", seq: 4 }));
    expect(messages.map((message) => message.seq)).toEqual([4]);
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
    latest().say({ type: "error", code: "NOT_FOUND", message: "", retryable: false });
    expect(ready).toEqual([true, true]);
    expect(messages.some((message) => message.type === "error")).toBe(false);
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
    chat.renew();
    expect(sockets).toHaveLength(2);
    expect(sockets[0]?.readyState).toBe(3);
    latest().open();
    expect(latest().of("resume")).toEqual([]);
  });
});

it("the address has the page's own host and protocol", () => {
  const at = (url: string) => chatAddress(new URL(url) as unknown as Location);
  expect(at("http://localhost:8000/chat")).toBe("ws://localhost:8000/ws/chat");
  expect(at("https://avatar.lan/status")).toBe("wss://avatar.lan/ws/chat");
});
