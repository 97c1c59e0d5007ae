import { describe, expect, it } from "vitest";
import { ENGINES } from "../test/fakes";
import {
  type Conversation,
  type ConversationEvent,
  countSound,
  EMPTY,
  reduce,
} from "./conversation";

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
      { type: "local_lost" },
    ]);
    expect(turns[0]).toMatchObject({ done: true, interrupted: true });
    expect(turns[0]?.heardText.trim()).toBe("One.");
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
