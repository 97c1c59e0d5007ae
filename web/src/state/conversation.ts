import type {
  Accepted,
  Engines,
  ErrorCode,
  Limits,
  Notice,
  NoticeCode,
  ServerMessage,
  Stage,
  State,
  TurnView,
} from "../contract/generated";
import type { HeardReply } from "./thread";
import {
  type Failure,
  finished,
  lost,
  newTurn,
  pieceMs,
  renewed,
  retold,
  sounded,
  storedTurn,
  type Turn,
  transcribed,
  withPiece,
} from "./turn";

export type { Failure, Turn } from "./turn";

export interface Conversation {
  sessionId: string | null;
  engines: Engines | null;
  limits: Limits | null;
  state: State;
  progress: number | null;
  position: number | null;
  turns: Turn[];
  notices: { code: NoticeCode; message: string }[];
  /** parts of the server that don't answer at the moment */
  away: Stage[];
  /** the conversation that could not be gone on with, and whether the person has read so */
  lost: { sessionId: string | null; read: boolean } | null;
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
  /** the conversation goes on, and the server tells its turn again; `heard` of it before */
  | { type: "local_anew"; heard: HeardReply | null }
  /** it can't go on: the turns are of an earlier one, but for those that are sent again */
  | { type: "local_lost"; sessionId: string | null; again: readonly string[]; told: boolean }
  /** what the store has of the conversation */
  | { type: "local_stored"; turns: TurnView[] }
  /** what is to be noticed now that the conversation goes on */
  | { type: "local_notices"; notices: Notice[] }
  /** do a failed turn again under its own key */
  | { type: "local_again"; key: string }
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
  away: [],
  lost: null,
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
        notices: was.notices.filter(({ code }) => code !== "GOING_AWAY"),
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
      return noticed(was, event);
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

function locally(was: Conversation, event: LocalEvent): Conversation {
  switch (event.type) {
    case "local_turn": {
      const { key, typed, text, at } = event;
      const turn = { ...newTurn(key, at), typed, userText: text, stableChars: text.length };
      const turns = [...was.turns, { ...turn, userFinal: typed }];
      return { ...read(was), failure: null, turns };
    }
    case "local_drop":
      return { ...was, turns: was.turns.filter((turn) => turn.key !== event.key || turn.turnId) };
    case "local_edit":
      return edited(was, event.turnId, event.text);
    case "local_played":
      return patch(was, event.turnId, (turn) => ({ ...turn, playedMs: event.ms }));
    case "local_anew":
      return { ...was, away: [], turns: was.turns.map((turn) => awaited(turn, event.heard)) };
    case "local_lost":
      return broken(was, event);
    case "local_stored":
      return { ...was, turns: merged(was.turns, event.turns) };
    case "local_notices":
      return event.notices.reduce(noticed, { ...was, away: [] });
    case "local_again":
      return { ...was, failure: null, turns: was.turns.map((turn) => again(turn, event.key)) };
    case "local_dismiss":
      return { ...read(was), failure: null, notices: was.notices.filter(isLasting) };
    case "local_new":
      return { ...EMPTY, engines: was.engines, limits: was.limits };
  }
}

/** That words leave the network is said for as long as they do. */
function isLasting({ code }: { code: NoticeCode }): boolean {
  return code === "PUBLIC_ENGINE";
}

function read(was: Conversation): Conversation {
  return was.lost ? { ...was, lost: { ...was.lost, read: true } } : was;
}

function again(turn: Turn, key: string): Turn {
  return turn.key === key ? { ...turn, failure: null } : turn;
}

function awaited(turn: Turn, heard: HeardReply | null): Turn {
  if (turn.earlier) return turn;
  const known = heard && turn.turnId === heard.turnId && turn.revision === heard.revision;
  const before = known ? { ms: heard.playedMs, text: heard.text } : null;
  return { ...turn, stale: true, before };
}

/** Another conversation begins below the turns of the one before. */
function broken(
  was: Conversation,
  { sessionId, again: keys, told }: LocalEvent & { type: "local_lost" },
): Conversation {
  const isAgain = (turn: Turn) => keys.includes(turn.key);
  const old = was.turns.filter((turn) => !isAgain(turn));
  const earlier = old.map((turn) => ({ ...lost(turn), done: true, earlier: true, stale: false }));
  const others = was.turns.filter(isAgain).map((turn) => ({ ...turn, revision: 0, stale: true }));
  return {
    ...was,
    away: [],
    lost: told ? { sessionId, read: false } : was.lost,
    turns: [...earlier, ...others],
  };
}

/** `turns` with those of the store in their places. What the page saw itself stands. */
function merged(turns: Turn[], views: TurnView[]): Turn[] {
  const stored = new Map(views.map((view) => [view.utterance_id, view]));
  const kept = turns.map((turn) => {
    const view = stored.get(turn.key);
    stored.delete(turn.key);
    return view && turn.stale && view.state === "closed" ? storedTurn(view) : turn;
  });
  const earlier = kept.filter((turn) => turn.earlier);
  const own = [...[...stored.values()].map(storedTurn), ...kept.filter((turn) => !turn.earlier)];
  return [...earlier, ...own.sort((a, b) => placeOf(a) - placeOf(b))];
}

/** A turn that the server has not numbered yet is the newest. */
function placeOf({ turnNumber }: Turn): number {
  return turnNumber ?? Number.MAX_SAFE_INTEGER;
}

function accepted(was: Conversation, event: Accepted, now: number): Conversation {
  const { utterance_id: key, turn_id: turnId, turn_number: turnNumber, start, offset } = event;
  const known = was.turns.some((turn) => turn.key === key);
  const turns = known ? was.turns : [...was.turns, newTurn(key, now)];
  const place = { turnId, turnNumber, start, offset };
  const bound = turns.map((turn) =>
    turn.key === key ? { ...retold(turn, event.revision), ...place } : turn,
  );
  return { ...was, failure: null, turns: bound };
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

/** The conversation with a frame of `bytes` at `rate` added to the sound of turn `turnId`. */
export function countSound(
  was: Conversation,
  turnId: string,
  bytes: number,
  rate: number,
): Conversation {
  return patch(was, turnId, (turn) => withPiece(turn, null, pieceMs(bytes, rate)));
}

function noticed(was: Conversation, { code, message, stage }: Notice): Conversation {
  if (code === "ENGINE_AWAY" || code === "ENGINE_BACK") {
    const others = was.away.filter((away) => away !== stage);
    return { ...was, away: code === "ENGINE_AWAY" && stage ? [...others, stage] : others };
  }
  const others = was.notices.filter((notice) => notice.code !== code);
  return { ...was, notices: [...others, { code, message }] };
}

function failed(was: Conversation, event: ServerMessage & { type: "error" }): Conversation {
  // A server that restarts lets nobody in: that was said in better words already.
  const leaving = was.notices.some(({ code }) => code === "GOING_AWAY");
  if (leaving && event.code === "SERVER_FULL") return was;
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
