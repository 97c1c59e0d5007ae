/** The conversation as the page shows it: a pure reducer over what the server says and the page does. */

import type {
  Accepted,
  AudioResponse,
  Engines,
  ErrorCode,
  Limits,
  NoticeCode,
  ServerMessage,
  State,
  Transcription,
  TurnDone,
} from "../contract/generated";
import { type Clause, heardChars, withSound } from "./ledger";

/** Something that failed, in the contract's words. */
export interface Failure {
  code: ErrorCode;
  message: string;
  retryable: boolean;
  retryAfterS: number | null;
}

export interface Turn {
  /** utterance id */
  key: string;
  turnId: string | null;
  revision: number;
  turnNumber: number | null;
  typed: boolean;
  /** when it began, ms since 1970 */
  at: number;
  userText: string;
  stableChars: number;
  userFinal: boolean;
  answer: string;
  clauses: Clause[];
  /** what was heard of the answer so far, ms */
  playedMs: number;
  /** turn_done came */
  done: boolean;
  interrupted: boolean;
  heardText: string;
  timings: Record<string, number>;
  audioUrl: string | null;
  failure: Failure | null;
}

export interface Conversation {
  sessionId: string | null;
  engines: Engines | null;
  limits: Limits | null;
  state: State;
  progress: number | null;
  position: number | null;
  turns: Turn[];
  notices: { code: NoticeCode; message: string }[];
  /** what failed outside of a turn */
  failure: Failure | null;
}

export type LocalEvent =
  /** the page began an utterance, before the server knows */
  | { type: "local_turn"; key: string; typed: boolean; text: string; at: number }
  /** the page gave an utterance up */
  | { type: "local_drop"; key: string }
  /** the person corrects what was recognised */
  | { type: "local_edit"; turnId: string; text: string }
  | { type: "local_played"; turnId: string; ms: number }
  /** the connection came back with another conversation: what was being answered is cut */
  | { type: "local_lost" }
  | { type: "local_dismiss" }
  /** a new conversation is wanted */
  | { type: "local_new" };

export type ConversationEvent = ServerMessage | LocalEvent;

export const EMPTY: Conversation = {
  sessionId: null,
  engines: null,
  limits: null,
  state: "idle",
  progress: null,
  position: null,
  turns: [],
  notices: [],
  failure: null,
};

/** Failures that say that nothing was said: no turn remains of them. */
const SOUNDLESS: ReadonlySet<ErrorCode> = new Set(["NO_SPEECH"]);

/** The conversation after `event` at time `now` (ms since 1970). */
export function reduce(was: Conversation, event: ConversationEvent, now: number): Conversation {
  switch (event.type) {
    case "session":
      return {
        ...was,
        sessionId: event.session_id,
        engines: event.engines,
        limits: event.limits,
        failure: null,
      };
    case "status":
      return {
        ...was,
        state: event.state,
        progress: event.progress ?? null,
        position: event.position ?? null,
      };
    case "notice":
      return withNotice(was, event.code, event.message);
    case "error":
      return failed(was, event);
    case "accepted":
      return accepted(was, event, now);
    case "transcription":
    case "llm_token":
    case "llm_response":
    case "audio_response":
    case "tts_ready":
    case "turn_done":
      return onTurn(was, event);
    case "playback_control":
      return was;
    default:
      return locally(was, event);
  }
}

/** The turn that `turnId` names. */
export function turnOf(conversation: Conversation, turnId: string | null | undefined): Turn | null {
  if (!turnId) return null;
  return conversation.turns.findLast((turn) => turn.turnId === turnId) ?? null;
}

/** Length of a piece of sound, ms. */
export function pieceMs(bytes: number, rate: number): number {
  return (bytes * 1000) / (2 * rate);
}

function locally(was: Conversation, event: LocalEvent): Conversation {
  switch (event.type) {
    case "local_turn": {
      const { key, typed, text, at } = event;
      const turn = { ...newTurn(key, at), typed, userText: text, stableChars: text.length };
      return { ...was, failure: null, turns: [...was.turns, { ...turn, userFinal: typed }] };
    }
    case "local_drop":
      return { ...was, turns: was.turns.filter((turn) => turn.key !== event.key || turn.turnId) };
    case "local_edit":
      return edited(was, event.turnId, event.text);
    case "local_played":
      return patch(was, event.turnId, (turn) => ({ ...turn, playedMs: event.ms }));
    case "local_lost":
      return { ...was, turns: was.turns.map(lost) };
    case "local_dismiss":
      return { ...was, failure: null, notices: was.notices.filter(isLasting) };
    case "local_new":
      return { ...EMPTY, engines: was.engines, limits: was.limits };
  }
}

/** That words leave the network is said for as long as they do. */
function isLasting({ code }: { code: NoticeCode }): boolean {
  return code === "PUBLIC_ENGINE";
}

function lost(turn: Turn): Turn {
  if (turn.done || !turn.answer) return turn;
  const heard = turn.answer.slice(0, heardChars(turn.answer, turn.clauses, turn.playedMs));
  return { ...turn, done: true, interrupted: true, heardText: heard };
}

function newTurn(key: string, at: number): Turn {
  return {
    key,
    turnId: null,
    revision: 0,
    turnNumber: null,
    typed: false,
    at,
    userText: "",
    stableChars: 0,
    userFinal: false,
    answer: "",
    clauses: [],
    playedMs: 0,
    done: false,
    interrupted: false,
    heardText: "",
    timings: {},
    audioUrl: null,
    failure: null,
  };
}

function accepted(was: Conversation, event: Accepted, now: number): Conversation {
  const { utterance_id: key, turn_id: turnId, turn_number: turnNumber, revision } = event;
  const known = was.turns.some((turn) => turn.key === key);
  const turns = known ? was.turns : [...was.turns, newTurn(key, now)];
  const bound = turns.map((turn) =>
    turn.key === key ? { ...renewed(turn, revision), turnId, turnNumber } : turn,
  );
  return { ...was, failure: null, turns: bound };
}

/** `turn` at `revision`: a higher one has another answer, which begins anew. */
function renewed(turn: Turn, revision: number): Turn {
  if (revision <= turn.revision) return turn;
  const { key, turnId, turnNumber, typed, at, userText, stableChars, userFinal } = turn;
  const kept = { turnId, turnNumber, typed, userText, stableChars, userFinal };
  return { ...newTurn(key, at), ...kept, revision };
}

function edited(was: Conversation, turnId: string, text: string): Conversation {
  return patch(was, turnId, (turn) => ({
    ...renewed(turn, turn.revision + 1),
    userText: text,
    stableChars: text.length,
    userFinal: true,
  }));
}

function patch(was: Conversation, turnId: string, change: (turn: Turn) => Turn): Conversation {
  const turns = was.turns.map((turn) => (turn.turnId === turnId ? change(turn) : turn));
  return { ...was, turns };
}

type TurnMessage = Extract<
  ServerMessage,
  {
    type:
      | "transcription"
      | "llm_token"
      | "llm_response"
      | "audio_response"
      | "tts_ready"
      | "turn_done";
  }
>;

/** A message of an older revision than the one that is shown says nothing any more. */
function onTurn(was: Conversation, message: TurnMessage): Conversation {
  return patch(was, message.turn_id, (turn) =>
    message.revision < turn.revision ? turn : grown(renewed(turn, message.revision), message),
  );
}

function grown(turn: Turn, message: TurnMessage): Turn {
  switch (message.type) {
    case "transcription":
      return transcribed(turn, message);
    case "llm_token":
      return { ...turn, answer: turn.answer + message.token };
    case "llm_response":
      return { ...turn, answer: message.text };
    case "audio_response":
      return sounded(turn, message);
    case "tts_ready":
      return { ...turn, audioUrl: message.audio_url };
    case "turn_done":
      return finished(turn, message);
  }
}

function transcribed(turn: Turn, { text, stable_chars, is_final }: Transcription): Turn {
  return {
    ...turn,
    userText: text,
    stableChars: is_final ? text.length : stable_chars,
    userFinal: is_final,
  };
}

/** Sound in JSON is counted here; sound in frames by `countSound`. */
function sounded(turn: Turn, message: AudioResponse): Turn {
  const bytes = message.data ? Math.floor((message.data.length * 3) / 4) : 0;
  const text = message.text ?? null;
  if (bytes === 0 && text === null) return turn;
  return { ...turn, clauses: withSound(turn.clauses, text, pieceMs(bytes, message.sample_rate)) };
}

/** The conversation with a frame of `bytes` at `rate` added to the sound of turn `turnId`. */
export function countSound(
  was: Conversation,
  turnId: string,
  bytes: number,
  rate: number,
): Conversation {
  return patch(was, turnId, (turn) => ({
    ...turn,
    clauses: withSound(turn.clauses, null, pieceMs(bytes, rate)),
  }));
}

function finished(turn: Turn, { timings, interrupted, heard_text }: TurnDone): Turn {
  return { ...turn, done: true, timings, interrupted, heardText: heard_text };
}

function withNotice(was: Conversation, code: NoticeCode, message: string): Conversation {
  const others = was.notices.filter((notice) => notice.code !== code);
  return { ...was, notices: [...others, { code, message }] };
}

function failed(was: Conversation, event: ServerMessage & { type: "error" }): Conversation {
  const failure: Failure = {
    code: event.code,
    message: event.message,
    retryable: event.retryable,
    retryAfterS: event.retry_after_s ?? null,
  };
  const turn = turnOf(was, event.turn_id) ?? was.turns.findLast((t) => !t.done && !t.failure);
  if (!turn || SOUNDLESS.has(event.code)) {
    return {
      ...was,
      failure,
      turns: was.turns.filter((t) => t !== turn || t.answer || t.userText),
    };
  }
  if (!event.turn_id && turn.answer) return { ...was, failure };
  return {
    ...was,
    turns: was.turns.map((t) => (t === turn ? { ...t, failure } : t)),
  };
}
