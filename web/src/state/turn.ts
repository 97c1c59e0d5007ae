import type {
  AudioResponse,
  ErrorCode,
  Transcription,
  TurnDone,
  TurnView,
} from "../contract/generated";
import { type Clause, heardChars, isSameEnding, prefixLength, withSound } from "./ledger";

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
  /** where it begins in the page's samples, and how far the server had them */
  start: number;
  offset: number;
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
  /** it belongs to a conversation that could not be gone on with */
  earlier: boolean;
  /** the conversation was resumed, and the server may tell the turn again from its beginning */
  stale: boolean;
  /** what was heard of it before it was told again */
  before: { ms: number; text: string } | null;
  /** where in the answer the sound begins that this page got, after it was told again */
  origin: { ms: number; chars: number };
}

const BEGINNING = { ms: 0, chars: 0 };

export function newTurn(key: string, at: number): Turn {
  return {
    key,
    turnId: null,
    revision: 0,
    turnNumber: null,
    typed: false,
    at,
    start: 0,
    offset: 0,
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
    earlier: false,
    stale: false,
    before: null,
    origin: BEGINNING,
  };
}

/** A turn as the store has it. One that is under way is told again by the server. */
export function storedTurn(view: TurnView): Turn {
  return {
    ...newTurn(view.utterance_id, Date.parse(view.created_at)),
    turnId: view.turn_id,
    revision: view.revision,
    turnNumber: view.turn_number,
    typed: view.typed,
    userText: view.user_text,
    stableChars: view.user_text.length,
    userFinal: true,
    answer: view.ai_text,
    done: true,
    interrupted: view.interrupted,
    heardText: view.heard_text,
    timings: view.timings,
    audioUrl: view.ai_audio_ms == null ? null : `/api/turn/${view.turn_id}/audio/ai`,
    failure: storedFailure(view.error),
    stale: true,
  };
}

function storedFailure(code: string | null | undefined): Failure | null {
  if (!code) return null;
  return { code: code as ErrorCode, message: "", retryable: false, retryAfterS: null };
}

/** The same question without its answer: what is left when a turn is answered again. */
function unanswered(turn: Turn): Turn {
  const { key, turnId, turnNumber, typed, at, start, offset } = turn;
  const { userText, stableChars, userFinal } = turn;
  const kept = { turnId, turnNumber, typed, start, offset, userText, stableChars, userFinal };
  return { ...newTurn(key, at), ...kept, revision: turn.revision };
}

/** `turn` at `revision`: a higher one has another answer, which begins anew. */
export function renewed(turn: Turn, revision: number): Turn {
  return revision <= turn.revision ? turn : { ...unanswered(turn), revision };
}

/** `turn` at `revision`, about to be told; one that is told again loses what the page had of it. */
export function retold(turn: Turn, revision: number): Turn {
  if (!turn.stale || revision < turn.revision) return renewed(turn, revision);
  const before = revision === turn.revision ? turn.before : null;
  return { ...unanswered(turn), revision, before };
}

/** The voice did not speak the answer, or not all of it: it is there to be read. */
export function isUnspoken({ failure }: Turn): boolean {
  return failure?.code === "TTS_UNAVAILABLE" || failure?.code === "VOICE_NOT_LOADED";
}

/** Characters of the answer that were heard: by the server's word once it is there. */
export function heardLength(turn: Turn): number {
  if (turn.interrupted) return prefixLength(turn.answer, turn.heardText);
  if (turn.done || isUnspoken(turn)) return turn.answer.length;
  if (turn.clauses.length === 0 && !turn.before) return turn.answer.length;
  return soundedLength(turn);
}

/** Characters of the answer whose sound has begun. */
function soundedLength(turn: Turn): number {
  const { answer, clauses, playedMs, before } = turn;
  if (clauses.length === 0) return Math.min(answer.length, before?.text.length ?? 0);
  const { chars } = turn.origin;
  return chars + heardChars(answer.slice(chars), clauses, playedMs);
}

/** The words of the answer that were heard so far. */
export function heardSoFar(turn: Turn): string {
  return turn.answer.slice(0, soundedLength(turn));
}

/** The conversation was lost: what was being answered is cut where it was heard. */
export function lost(turn: Turn): Turn {
  if (turn.done || !turn.answer) return turn;
  return { ...turn, done: true, interrupted: true, heardText: heardSoFar(turn) };
}

export function transcribed(turn: Turn, { text, stable_chars, is_final }: Transcription): Turn {
  return {
    ...turn,
    userText: text,
    stableChars: is_final ? text.length : stable_chars,
    userFinal: is_final,
  };
}

/** Sound in JSON is counted here; sound in frames by `countSound`. */
export function sounded(turn: Turn, message: AudioResponse): Turn {
  const bytes = message.data ? Math.floor((message.data.length * 3) / 4) : 0;
  const text = message.text ?? null;
  if (bytes === 0 && text === null) return turn;
  return withPiece(turn, text, pieceMs(bytes, message.sample_rate));
}

/** `turn` with a piece of sound of `ms`; `text` opens a clause. */
export function withPiece(turn: Turn, text: string | null, ms: number): Turn {
  if (turn.clauses.length > 0 || !turn.before) {
    return { ...turn, clauses: withSound(turn.clauses, text, ms) };
  }
  return resumedSound(turn, turn.before, text, ms);
}

/**
 * The first piece after a turn was told again. The same answer goes on from where it was heard; a
 * new one begins at its beginning.
 */
function resumedSound(
  turn: Turn,
  before: { ms: number; text: string },
  text: string | null,
  ms: number,
): Turn {
  const same = before.text !== "" && turn.answer.startsWith(before.text);
  const origin = same ? { ms: before.ms, chars: before.text.length } : BEGINNING;
  // A clause that was cut in its middle was counted as heard when it began.
  const counted = same && text !== null && isSameEnding(before.text, text);
  const clauses = withSound([], counted ? "" : text, ms, origin.ms);
  return { ...turn, before: null, origin, playedMs: origin.ms, clauses };
}

/** Length of a piece of sound, ms. */
export function pieceMs(bytes: number, rate: number): number {
  return (bytes * 1000) / (2 * rate);
}

export function finished(turn: Turn, { timings, interrupted, heard_text }: TurnDone): Turn {
  return { ...turn, done: true, timings, interrupted, heardText: heard_text };
}
