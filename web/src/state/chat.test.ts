import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { chatRig, type Outside, SilentContext, stored, view } from "../test/chatRig";
import { type FakeSocket, session } from "../test/fakes";

const T = { turn_id: "t1" } as const;
const ACCEPTED = { type: "accepted", ...T, utterance_id: "u1", turn_number: 1 } as const;
const DONE = { type: "turn_done", ...T, timings: {}, interrupted: false, heard_text: "" } as const;
const GONE = { type: "error", code: "NOT_FOUND", message: "", retryable: false } as const;

/** The page in an open conversation. */
async function open(outside: Outside = {}) {
  const rig = chatRig(outside);
  const { chat, socket } = rig;
  chat.connect();
  await vi.advanceTimersByTimeAsync(0);
  socket().open();
  /** Break the connection, and open the next one. */
  const cut = async (code = 1006) => {
    socket().drop(code);
    await vi.advanceTimersByTimeAsync(400);
    socket().open();
  };
  const turns = () => chat.conversation.get().turns;
  return { ...rig, cut, turns };
}

async function greeted(outside: Outside = {}) {
  const rig = await open(outside);
  rig.socket().say(session());
  return rig;
}

/** The answer to a resume: it goes on after number `seq`. */
function goesOn(socket: FakeSocket, seq: number, sessionId = "s1"): void {
  socket.raw(JSON.stringify({ ...session(sessionId, true), seq, offset: 0 }));
}

const texts = (socket: FakeSocket) => socket.of("text").map(({ utterance_id: key }) => key);

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("AudioContext", SilentContext);
});
afterEach(() => void vi.useRealTimers());

describe("a conversation whose socket was cut", () => {
  it("sends again what was not taken, and nothing that was", async () => {
    const { chat, socket, cut, turns } = await greeted();
    chat.sendText("One");
    socket().say(ACCEPTED);
    await cut();
    chat.sendText("Two");
    goesOn(socket(), 2);
    expect(texts(socket())).toEqual(["u2"]);
    expect(turns()).toHaveLength(2);
  });

  it("sends a typed turn again that was lost on its way, under its own id", async () => {
    const { chat, socket, cut, turns } = await greeted();
    chat.sendText("One");
    await cut(1012);
    goesOn(socket(), 1);
    expect(texts(socket())).toEqual(["u1"]);
    socket().raw(JSON.stringify({ ...ACCEPTED, seq: 2, revision: 0 }));
    expect(turns()).toHaveLength(1);
  });

  it("sends one turn after another, each when the one before was taken", async () => {
    const { chat, socket, cut } = await greeted();
    await cut();
    chat.sendText("One");
    chat.sendText("Two");
    goesOn(socket(), 1);
    expect(texts(socket())).toEqual(["u1"]);
    socket().raw(JSON.stringify({ ...ACCEPTED, seq: 2, revision: 0 }));
    expect(texts(socket())).toEqual(["u1", "u2"]);
  });

  it("leaves a turn alone that the server tells anew", async () => {
    const { chat, socket, cut, turns } = await greeted();
    chat.sendText("One");
    socket().say(ACCEPTED);
    socket().say({ type: "llm_token", ...T, token: "Half an" });
    await cut();
    goesOn(socket(), 20);
    socket().raw(JSON.stringify({ ...ACCEPTED, seq: 21, revision: 0 }));
    const token = { type: "llm_token", ...T, revision: 0, token: "A whole answer." };
    socket().raw(JSON.stringify({ ...token, seq: 22 }));
    await vi.advanceTimersByTimeAsync(5000);
    expect(texts(socket())).toEqual([]);
    expect(turns()).toMatchObject([{ answer: "A whole answer." }]);
  });

  it("has a turn done again that the server does not tell anew", async () => {
    const { chat, socket, cut, turns } = await greeted();
    chat.sendText("One");
    socket().say(ACCEPTED);
    socket().say({ type: "llm_token", ...T, token: "Half an" });
    await cut();
    goesOn(socket(), 20);
    socket().raw(JSON.stringify({ type: "status", state: "idle", seq: 21 }));
    expect(texts(socket())).toEqual([]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(texts(socket())).toEqual(["u1"]);
    socket().raw(JSON.stringify({ ...ACCEPTED, seq: 22, revision: 0 }));
    expect(turns()).toMatchObject([{ answer: "" }]);
  });

  it("says afterwards that the person stopped the answer meanwhile", async () => {
    const { chat, socket, cut } = await greeted();
    chat.sendText("One");
    socket().say(ACCEPTED);
    socket().drop();
    chat.interrupt();
    await vi.advanceTimersByTimeAsync(400);
    socket().open();
    goesOn(socket(), 2);
    expect(socket().of("interrupt")).toMatchObject([{ turn_id: "t1", revision: 0 }]);
    await cut();
    goesOn(socket(), 2);
    expect(socket().of("interrupt")).toEqual([]);
  });

  it("is a new one when it can't be gone on with, and says so", async () => {
    const { chat, socket, cut, turns, world } = await greeted();
    chat.sendText("One");
    socket().say(ACCEPTED);
    socket().say({ type: "llm_response", ...T, text: "An answer." });
    socket().say(DONE);
    await cut();
    chat.sendText("Two");
    socket().say(session("s2"));
    expect(chat.conversation.get().sessionId).toBe("s1");
    socket().say(GONE);
    expect(chat.conversation.get()).toMatchObject({
      sessionId: "s2",
      lost: { sessionId: "s1", read: false },
    });
    expect(turns().map(({ key, earlier }) => [key, earlier])).toEqual([
      ["u1", true],
      ["u2", false],
    ]);
    expect(texts(socket())).toEqual(["u2"]);
    expect(world.kept).toEqual({ sessionId: "s2", token: "token-s2", said: false, heard: null });
  });

  it("says nothing of the sort where nothing was said", async () => {
    const { chat, socket, cut } = await greeted();
    await cut();
    socket().say(session("s2"));
    socket().say(GONE);
    expect(chat.conversation.get().lost).toBeNull();
  });
});

describe("a conversation after a reload", () => {
  const KEPT = {
    sessionId: "s1",
    token: "token-s1",
    said: true,
    heard: { turnId: "t2", revision: 0, playedMs: 900, text: "Once upon" },
  };

  it("shows its turns and is resumed with what was heard", async () => {
    const { chat, socket, turns, world } = await open({ kept: KEPT, stored: view(stored()) });
    expect(turns()).toMatchObject([{ userText: "My name is Ada.", done: true }]);
    expect(socket().sent[0]).toEqual({
      type: "resume",
      resume_token: "token-s1",
      last_seq: 0,
      turn_id: "t2",
      revision: 0,
      played_ms: 900,
    });
    socket().say(session("s2"));
    goesOn(socket(), 12);
    expect(chat.conversation.get()).toMatchObject({ sessionId: "s1", lost: null });
    expect(texts(socket())).toEqual([]);
    expect(world.kept?.sessionId).toBe("s1");
  });

  it("is read once more when it is open: its last turn may have been on its way", async () => {
    const { socket, turns, world } = await open({ kept: KEPT, stored: view(stored()) });
    world.stored = view(stored(), stored({ utterance_id: "u2", turn_id: "t2", turn_number: 2 }));
    goesOn(socket(), 12);
    await vi.advanceTimersByTimeAsync(0);
    expect(turns()).toHaveLength(2);
  });

  it("is resumed also while the store is away, and read when that is back", async () => {
    const { socket, turns, world } = await open({ kept: KEPT, stored: new Error("away") });
    goesOn(socket(), 12);
    expect(turns()).toEqual([]);
    world.stored = view(stored());
    const back = { type: "notice", code: "ENGINE_BACK", stage: "profile", message: "" };
    socket().raw(JSON.stringify({ ...back, seq: 13 }));
    await vi.advanceTimersByTimeAsync(0);
    expect(turns()).toHaveLength(1);
  });

  it("says so when it can't be gone on with", async () => {
    const { chat, socket, turns } = await open({ kept: KEPT, stored: view(stored()) });
    socket().say(session("s2"));
    socket().say({ ...GONE, code: "UNAUTHORIZED" });
    expect(chat.conversation.get().lost).toEqual({ sessionId: "s1", read: false });
    expect(turns()).toMatchObject([{ earlier: true }]);
  });

  it("is not looked for in the store when nothing was said in it", async () => {
    const { socket, chat, world } = await open({ kept: { ...KEPT, said: false } });
    expect(world.reads).toEqual([]);
    expect(socket().of("resume")).toHaveLength(1);
    goesOn(socket(), 4);
    expect(world.kept?.said).toBe(false);
    chat.sendText("One");
    socket().raw(JSON.stringify({ ...ACCEPTED, seq: 5, revision: 0 }));
    expect(world.kept?.said).toBe(true);
  });

  it("is left to the tab that this one was copied from", async () => {
    const { socket, world } = await open({ kept: KEPT, copied: true, stored: view(stored()) });
    expect(world.reads).toEqual([]);
    expect(socket().of("resume")).toEqual([]);
    socket().say(session("s2"));
    expect(world.kept?.sessionId).toBe("s2");
  });

  it("is forgotten when a new one is wanted", async () => {
    const { chat, socket, turns, world } = await open({ kept: KEPT, stored: view(stored()) });
    chat.renew();
    expect(turns()).toEqual([]);
    expect(world.kept).toBeNull();
    socket().open();
    expect(socket().of("resume")).toEqual([]);
  });

  it("is not waited for when a new one is wanted meanwhile", async () => {
    const { chat, sockets } = chatRig({ kept: KEPT, stored: view(stored()) });
    chat.connect();
    chat.renew();
    await vi.advanceTimersByTimeAsync(0);
    expect(sockets).toHaveLength(1);
    expect(chat.conversation.get().turns).toEqual([]);
  });
});

it("an old conversation is continued in the place of the one that was open", async () => {
  const { chat, sockets, socket, turns, world } = await greeted();
  chat.sendText("Something else");
  world.stored = view(stored());
  chat.resume("s1", "minted");
  chat.connect();
  await vi.advanceTimersByTimeAsync(0);
  expect(sockets).toHaveLength(2);
  socket().open();
  expect(socket().of("resume")).toMatchObject([{ resume_token: "minted", last_seq: 0 }]);
  goesOn(socket(), 3);
  expect(turns()).toMatchObject([{ userText: "My name is Ada." }]);
  chat.sendText("What is my name?");
  expect(texts(socket())).toEqual(["u2"]);
});

it("a failed turn that was understood is done again as the same turn", async () => {
  const { chat, socket, turns } = await greeted();
  chat.sendText("One");
  socket().say(ACCEPTED);
  const failure = { code: "LLM_UNAVAILABLE", message: "", retryable: true } as const;
  socket().say({ type: "error", ...T, ...failure });
  const [turn] = turns();
  if (turn) chat.retry(turn);
  expect(socket().of("edit_transcription")).toEqual([
    { type: "edit_transcription", turn_id: "t1", revision: 1, text: "One" },
  ]);
  expect(turns()).toMatchObject([{ revision: 1, failure: null, answer: "" }]);
});
