import { describe, expect, it } from "vitest";
import type { Stage } from "../contract/generated";
import { stored } from "../test/chatRig";
import { ENGINES } from "../test/fakes";
import {
  type Conversation,
  type ConversationEvent,
  countSound,
  EMPTY,
  reduce,
  type Turn,
} from "./conversation";
import { heardSoFar } from "./turn";

const T = { turn_id: "t1", revision: 0, seq: 0 } as const;
const ACCEPTED: ConversationEvent = {
  type: "accepted",
  ...T,
  utterance_id: "u1",
  turn_number: 1,
  start: 0,
  offset: 0,
};
const SPOKEN: ConversationEvent = {
  type: "local_turn",
  key: "u1",
  typed: false,
  text: "",
  at: 5,
};

function told(events: ConversationEvent[], from: Conversation = EMPTY): Conversation {
  return events.reduce((was, event) => reduce(was, event, 1000), from);
}

function words(text: string, stable_chars: number, is_final = false): ConversationEvent {
  return { type: "transcription", ...T, text, stable_chars, is_final };
}

describe("a conversation", () => {
  it("binds the page's utterance to the server's turn", () => {
    const { turns } = told([SPOKEN, ACCEPTED, words("hello wor", 5)]);
    expect(turns).toHaveLength(1);
    expect(turns[0]).toMatchObject({
      key: "u1",
      turnId: "t1",
      turnNumber: 1,
      userText: "hello wor",
      stableChars: 5,
      userFinal: false,
    });
  });

  it("takes a hands-free turn that the page did not begin", () => {
    const { turns } = told([ACCEPTED, words("hello", 5, true)]);
    expect(turns[0]).toMatchObject({ at: 1000, userText: "hello", userFinal: true });
  });

  it("grows the answer, and takes the whole text at the end", () => {
    const { turns } = told([
      ACCEPTED,
      { type: "llm_token", ...T, token: "Good " },
      { type: "llm_token", ...T, token: "mornin" },
      { type: "llm_response", ...T, text: "Good morning.", is_final: true },
    ]);
    expect(turns[0]?.answer).toBe("Good morning.");
  });

  it("counts sound that comes in JSON and sound that comes in frames", () => {
    const clause: ConversationEvent = {
      type: "audio_response",
      ...T,
      mode: "fast",
      sample_rate: 24_000,
      format: "pcm_s16le",
      text: "Good morning.",
      data: btoa("\0".repeat(4800)),
      is_final: false,
    };
    const was = countSound(told([ACCEPTED, clause]), "t1", 4800, 24_000);
    expect(was.turns[0]?.clauses).toEqual([{ text: "Good morning.", startMs: 0, lengthMs: 200 }]);
  });

  it("marks what was heard of an answer that was cut", () => {
    const { turns } = told([
      ACCEPTED,
      { type: "llm_token", ...T, token: "One. Two." },
      { type: "turn_done", ...T, timings: { total: 9 }, interrupted: true, heard_text: "One." },
    ]);
    expect(turns[0]).toMatchObject({ done: true, interrupted: true, heardText: "One." });
  });

  it("begins the answer anew at a higher revision, and is deaf to the lower one", () => {
    const { turns } = told([
      ACCEPTED,
      words("I red a book", 12, true),
      { type: "llm_token", ...T, token: "Red?" },
      { type: "local_edit", turnId: "t1", text: "I read a book" },
      { type: "llm_token", ...T, token: " Which red?" },
      { type: "llm_token", ...T, revision: 1, token: "Which book?" },
    ]);
    expect(turns[0]).toMatchObject({
      revision: 1,
      userText: "I read a book",
      answer: "Which book?",
    });
  });

  it("keeps no turn of a press in which nothing was said", () => {
    const state = told([
      SPOKEN,
      ACCEPTED,
      { type: "error", ...T, code: "NO_SPEECH", message: "", retryable: true },
    ]);
    expect(state.turns).toEqual([]);
    expect(state.failure?.code).toBe("NO_SPEECH");
  });

  it("puts a stage's failure to its turn", () => {
    const state = told([
      SPOKEN,
      ACCEPTED,
      words("hello", 5, true),
      { type: "error", ...T, code: "LLM_UNAVAILABLE", message: "down", retryable: true },
    ]);
    expect(state.failure).toBeNull();
    expect(state.turns[0]?.failure).toMatchObject({ code: "LLM_UNAVAILABLE", retryable: true });
  });

  it("shows a failure that belongs to no turn beside them, until the next turn", () => {
    const full: ConversationEvent = {
      type: "error",
      seq: 0,
      code: "SERVER_FULL",
      message: "",
      retryable: true,
      retry_after_s: 2.5,
    };
    const state = told([full]);
    expect(state.failure).toMatchObject({ code: "SERVER_FULL", retryAfterS: 2.5 });
    expect(told([SPOKEN], state).failure).toBeNull();
  });

  it("does not call a server full that is restarting", () => {
    const state = told([
      { type: "notice", seq: 1, code: "GOING_AWAY", message: "" },
      { type: "error", seq: 0, code: "SERVER_FULL", message: "", retryable: true },
    ]);
    expect(state.failure).toBeNull();
  });

  it("says what was heard of an answer whose conversation was lost", () => {
    const { turns } = told([
      ACCEPTED,
      { type: "llm_token", ...T, token: "One. Two." },
      {
        type: "audio_response",
        ...T,
        mode: "fast",
        sample_rate: 24_000,
        format: "pcm_s16le",
        text: "One.",
        is_final: false,
      },
      { type: "local_played", turnId: "t1", ms: 50 },
      { type: "local_lost", sessionId: "s1", again: [], told: true },
    ]);
    expect(turns[0]).toMatchObject({ done: true, interrupted: true, earlier: true });
    expect(turns[0]?.heardText.trim()).toBe("One.");
  });

  const ANEW: ConversationEvent = {
    type: "local_anew",
    heard: { turnId: "t1", revision: 0, playedMs: 200, text: "Good morning." },
  };

  function sound(text: string, ms: number): ConversationEvent {
    return {
      type: "audio_response",
      ...T,
      mode: "fast",
      sample_rate: 24_000,
      format: "pcm_s16le",
      text,
      data: btoa("\0".repeat(48 * ms)),
      is_final: false,
    };
  }

  it("tells a turn anew from where it was heard", () => {
    const before = told([
      SPOKEN,
      ACCEPTED,
      words("hello", 5, true),
      { type: "llm_token", ...T, token: "Good morning. How are" },
      sound("Good morning.", 300),
      ANEW,
    ]);
    expect(before.turns[0]?.answer).toBe("Good morning. How are");
    const { turns } = told(
      [
        ACCEPTED,
        { type: "llm_token", ...T, token: "Good morning. How are you?" },
        sound("Good morning.", 100),
        sound("How are you?", 400),
      ],
      before,
    );
    expect(turns).toHaveLength(1);
    expect(turns[0]).toMatchObject({
      userText: "hello",
      answer: "Good morning. How are you?",
      origin: { ms: 200, chars: 13 },
      clauses: [
        { text: "", startMs: 200, lengthMs: 100 },
        { text: "How are you?", startMs: 300, lengthMs: 400 },
      ],
    });
    const turn = turns[0] as Turn;
    expect(heardSoFar(turn)).toBe("Good morning.");
    expect(heardSoFar({ ...turn, playedMs: 350 })).toBe("Good morning. How are you?");
  });

  it("begins at the beginning when the turn was done again with another answer", () => {
    const { turns } = told([
      ACCEPTED,
      { type: "llm_token", ...T, token: "Good morning." },
      sound("Good morning.", 300),
      ANEW,
      ACCEPTED,
      { type: "llm_token", ...T, token: "Hi there." },
      sound("Hi there.", 100),
    ]);
    expect(turns[0]).toMatchObject({
      answer: "Hi there.",
      origin: { ms: 0, chars: 0 },
      clauses: [{ text: "Hi there.", startMs: 0, lengthMs: 100 }],
    });
  });

  it("keeps a turn that is not told anew, and does not reset it twice", () => {
    const { turns } = told([ACCEPTED, { type: "llm_token", ...T, token: "One." }, ANEW]);
    expect(turns[0]?.answer).toBe("One.");
    const anew = told([ACCEPTED, { type: "llm_token", ...T, token: "Two." }, ACCEPTED], {
      ...EMPTY,
      turns,
    });
    expect(anew.turns[0]?.answer).toBe("Two.");
  });

  it("takes the sound's address also after the turn was done", () => {
    const { turns } = told([
      ACCEPTED,
      { type: "turn_done", ...T, timings: {}, interrupted: false, heard_text: "" },
      { type: "tts_ready", ...T, audio_url: "/api/turn/t1/audio/ai", duration_ms: 1 },
    ]);
    expect(turns[0]).toMatchObject({ done: true, audioUrl: "/api/turn/t1/audio/ai" });
  });

  it("puts what the store has before what the page saw, each turn once", () => {
    const page = told([{ ...ACCEPTED, utterance_id: "u2", turn_id: "t2", turn_number: 2 }]);
    const views = [stored(), stored({ utterance_id: "u2", turn_id: "t2", turn_number: 2 })];
    const { turns } = told([{ type: "local_stored", turns: views }], page);
    expect(turns.map(({ key, done }) => [key, done])).toEqual([
      ["u1", true],
      ["u2", false],
    ]);
    const twice = told([{ type: "local_stored", turns: views }], { ...page, turns });
    expect(twice.turns).toHaveLength(2);
  });

  it("tells a stored turn that is under way again from its beginning", () => {
    const views = [stored({ state: "open", ai_text: "Nice to", heard_text: "" })];
    const { turns } = told([
      { type: "local_stored", turns: views },
      { type: "local_anew", heard: null },
      ACCEPTED,
      { type: "llm_token", ...T, token: "Nice to meet you, Ada." },
    ]);
    expect(turns).toHaveLength(1);
    expect(turns[0]).toMatchObject({
      done: false,
      typed: true,
      userText: "My name is Ada.",
      answer: "Nice to meet you, Ada.",
    });
  });

  it("puts turns that are sent again below those of the lost conversation", () => {
    const { turns, lost } = told([
      ACCEPTED,
      { type: "turn_done", ...T, timings: {}, interrupted: false, heard_text: "" },
      { type: "local_turn", key: "u2", typed: true, text: "Still there?", at: 9 },
      { type: "local_lost", sessionId: "s1", again: ["u2"], told: true },
      { ...ACCEPTED, turn_id: "x1", utterance_id: "u2" },
      { type: "llm_token", ...T, turn_id: "x1", token: "Yes." },
    ]);
    expect(turns.map(({ key, earlier }) => [key, earlier])).toEqual([
      ["u1", true],
      ["u2", false],
    ]);
    expect(turns[1]).toMatchObject({ turnId: "x1", turnNumber: 1, answer: "Yes." });
    expect(lost).toEqual({ sessionId: "s1", read: false });
  });

  it("says that it is new until the person speaks or has read it", () => {
    const state = told([ACCEPTED, { type: "local_lost", sessionId: "s", again: [], told: true }]);
    expect(state.lost?.read).toBe(false);
    expect(told([SPOKEN], state).lost?.read).toBe(true);
    expect(told([{ type: "local_dismiss" }], state).lost?.read).toBe(true);
  });

  it("knows which engines are away, and forgets them in another conversation", () => {
    const notice = (code: "ENGINE_AWAY" | "ENGINE_BACK", stage: Stage): ConversationEvent => ({
      type: "notice",
      seq: 0,
      code,
      message: "",
      stage,
    });
    const state = told([
      notice("ENGINE_AWAY", "llm"),
      notice("ENGINE_AWAY", "stt"),
      notice("ENGINE_AWAY", "llm"),
      notice("ENGINE_BACK", "stt"),
    ]);
    expect(state).toMatchObject({ away: ["llm"], notices: [] });
    expect(told([{ type: "local_anew", heard: null }], state).away).toEqual([]);
    const now = [
      { type: "notice", seq: 1, code: "ENGINE_AWAY", message: "", stage: "stt" },
    ] as const;
    expect(told([{ type: "local_notices", notices: [...now] }], state).away).toEqual(["stt"]);
  });

  it("remembers a notice once", () => {
    const notice: ConversationEvent = {
      type: "notice",
      seq: 0,
      code: "HQ_FELL_BACK",
      message: "a",
    };
    expect(told([notice, notice]).notices).toHaveLength(1);
  });

  it("lets notices be dismissed, but not that words leave the network", () => {
    const notice = (code: "HQ_FELL_BACK" | "PUBLIC_ENGINE"): ConversationEvent => ({
      type: "notice",
      seq: 0,
      code,
      message: "",
    });
    const state = told([
      notice("HQ_FELL_BACK"),
      notice("PUBLIC_ENGINE"),
      { type: "local_dismiss" },
    ]);
    expect(state.notices.map(({ code }) => code)).toEqual(["PUBLIC_ENGINE"]);
  });

  it("keeps the engines when another conversation begins", () => {
    const state = told([{ type: "local_new" }], { ...told([ACCEPTED]), engines: ENGINES });
    expect(state).toEqual({ ...EMPTY, engines: ENGINES });
  });
});
