/**
 * The life of the connection, as a pure state machine: events in, a new state and effects out.
 *
 *     connecting ─opened─▶ greeting ─session─▶ ready
 *          ▲                   │                 │
 *          └──timer── waiting ◀┴────closed───────┘        closed by policy ─▶ refused
 *
 * With a thread (a conversation from before a break or a reload) the first message is `resume`:
 *
 *     page ── resume, configure ─────────────────────────────▶ server
 *     page ◀─ session (another conversation, only offered) ─── server    not when the server is full
 *     page ◀─ session {resumed} ────────────────────────────── server    same seq: the rest follows
 *     page ◀─ error ────────────────────────────────────────── server    the offered one is taken,
 *                                                                        or it is tried again later
 */

import type { ErrorCode, Resume } from "../contract/generated";

/** How long a server may be silent while it is asked for something. */
export const ANSWER_MS = 8000;
/** A connection that held so long was a good one: the next break is mended at once again. */
export const STEADY_MS = 5000;
const FIRST_DELAY_MS = 200;
const LONGEST_DELAY_MS = 4000;
const LONGEST_ASKED_S = 30;

/**
 * WebSocket close codes (RFC 6455 §7.4.1). A server ends a conversation that is closed with
 * `forGood`; one whose page comes back it keeps. `policy` and `displaced` are the server's own.
 */
export const CLOSE = { forGood: 1000, comesBack: 4000, policy: 1008, displaced: 4001 } as const;

export type Phase = "connecting" | "greeting" | "ready" | "waiting" | "refused" | "stopped";

/** What is needed to go on with a conversation. */
export interface Thread {
  sessionId: string;
  token: string;
  /** number of the last message that was received; 0: none of them is here any more */
  lastSeq: number;
}

/**
 * How a conversation opened.
 *
 * - first: there was none before
 * - same: it goes on, and what was missed follows
 * - anew: it goes on, and its turn is told again from `accepted`
 * - lost: it is another one, because the one before can't be gone on with
 */
export type Opening = "first" | "same" | "anew" | "lost";

export interface Link {
  phase: Phase;
  /** breaks since the last connection that held */
  attempt: number;
  thread: Thread | null;
  /** the conversation that was offered while a `resume` is unanswered */
  offered: Thread | null;
  /** a `resume` was sent and not yet answered */
  resuming: boolean;
  /** the thread was given up since the last conversation */
  lost: boolean;
  /** when `waiting`: how long, ms */
  delayMs: number;
  /** when `waiting`: what the server gave as its reason to come later */
  reason: ErrorCode | null;
  /** numbers up to this one were seen before the break and are dropped when they come again */
  seenSeq: number;
}

export type LinkEvent =
  | { kind: "start"; thread?: Thread }
  | { kind: "opened" }
  | { kind: "session"; sessionId: string; token: string; seq: number; resumed: boolean }
  | { kind: "seq"; seq: number }
  /** something else came before the conversation opened */
  | { kind: "alive" }
  /** the `resume` was refused for good */
  | { kind: "failed" }
  /** the `resume` can't be done now */
  | { kind: "later"; code: ErrorCode; afterS: number | null }
  | { kind: "silent" }
  | { kind: "steady" }
  | { kind: "closed"; code: number }
  | { kind: "timer" }
  | { kind: "retry" }
  | { kind: "stop" };

export type LinkEffect =
  | { kind: "open" }
  | { kind: "close"; code: number }
  | { kind: "resume"; message: Resume }
  | { kind: "configure" }
  | { kind: "wait"; ms: number; event: "timer" | "silent" | "steady" }
  | { kind: "rest" }
  | { kind: "ready"; opening: Opening };

export const IDLE_LINK: Link = {
  phase: "stopped",
  attempt: 0,
  thread: null,
  offered: null,
  resuming: false,
  lost: false,
  delayMs: 0,
  reason: null,
  seenSeq: 0,
};

/** Delay before attempt number `attempt` (from 1), with jitter from `random` in 0…1. */
export function backoffMs(attempt: number, random: number): number {
  const ceiling = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (attempt - 1));
  return Math.round(ceiling * (0.5 + random / 2));
}

type Step = [Link, LinkEffect[]];

const LISTEN: LinkEffect = { kind: "wait", ms: ANSWER_MS, event: "silent" };

/** The next state; `random` in 0…1 spreads reconnects of many pages. */
export function step(link: Link, event: LinkEvent, random: number): Step {
  switch (event.kind) {
    case "start":
      return opening(event.thread ? { ...link, thread: event.thread } : link);
    case "timer":
      return opening(link);
    case "retry":
      return opening({ ...link, attempt: 0 });
    case "opened":
      return greeting(link);
    case "session":
      return greeted(link, event);
    case "seq":
      return [numbered(link, event.seq), []];
    case "alive":
      return [link, alive(link)];
    case "failed":
      return abandoned(link);
    case "later":
      return postponed(link, event, random);
    case "silent":
      return silent(link, random);
    case "steady":
      return [{ ...link, attempt: 0 }, []];
    case "closed":
      return closed(link, event.code, random);
    case "stop":
      return [{ ...IDLE_LINK }, [{ kind: "close", code: CLOSE.forGood }]];
  }
}

/** Whether a message numbered `seq` was seen before the break. */
export function isRepeat(link: Link, seq: number): boolean {
  return seq > 0 && seq <= link.seenSeq;
}

function opening(link: Link): Step {
  const idle = link.phase === "waiting" || link.phase === "stopped" || link.phase === "refused";
  if (!idle) return [link, []];
  return [{ ...link, phase: "connecting" }, [{ kind: "open" }, LISTEN]];
}

function greeting(link: Link): Step {
  const state: Link = { ...link, phase: "greeting", resuming: link.thread !== null, offered: null };
  if (!link.thread) return [state, [{ kind: "configure" }, LISTEN]];
  const { token, lastSeq } = link.thread;
  const message: Resume = { type: "resume", resume_token: token, last_seq: lastSeq };
  return [state, [{ kind: "resume", message }, { kind: "configure" }, LISTEN]];
}

/** A queue before the door may be long; a `resume` that was read may not. */
function alive(link: Link): LinkEffect[] {
  if (link.phase !== "greeting") return [];
  return [link.resuming && link.offered ? LISTEN : { kind: "rest" }];
}

function greeted(link: Link, event: LinkEvent & { kind: "session" }): Step {
  const { sessionId, token, seq, resumed } = event;
  const thread: Thread = { sessionId, token, lastSeq: seq };
  if (link.resuming && !resumed) return [{ ...link, offered: thread }, [LISTEN]];
  if (!resumed) return settled({ ...link, thread, seenSeq: 0 }, link.lost ? "lost" : "first");
  const same = seq > 0 && seq === link.thread?.lastSeq;
  return settled({ ...link, thread, seenSeq: seq }, same ? "same" : "anew");
}

/** The `resume` failed: the conversation that was offered instead is the one, once it is there. */
function abandoned(link: Link): Step {
  if (!link.resuming) return [link, []];
  const next: Link = { ...link, thread: link.offered, resuming: false, lost: true, seenSeq: 0 };
  return next.thread ? settled(next, "lost") : [next, [LISTEN]];
}

function settled(link: Link, opened: Opening): Step {
  const clean = { offered: null, resuming: false, lost: false, delayMs: 0, reason: null };
  return [
    { ...link, ...clean, phase: "ready" },
    [
      { kind: "wait", ms: STEADY_MS, event: "steady" },
      { kind: "ready", opening: opened },
    ],
  ];
}

function numbered(link: Link, seq: number): Link {
  if (!link.thread || link.resuming || seq <= link.thread.lastSeq) return link;
  return { ...link, thread: { ...link.thread, lastSeq: seq } };
}

function postponed(link: Link, event: LinkEvent & { kind: "later" }, random: number): Step {
  const asked = Math.min(event.afterS ?? 0, LONGEST_ASKED_S) * 1000;
  const [state] = broken(link, random);
  const delayMs = Math.max(state.delayMs, asked);
  return [
    { ...state, delayMs, reason: event.code },
    // What is closed is the conversation that was only offered.
    [
      { kind: "close", code: CLOSE.forGood },
      { kind: "wait", ms: delayMs, event: "timer" },
    ],
  ];
}

/** Nothing comes from the other end, not even a refusal: a network that swallows everything. */
function silent(link: Link, random: number): Step {
  const [state, effects] = broken(link, random);
  return [state, [{ kind: "close", code: CLOSE.comesBack }, ...effects]];
}

function closed(link: Link, code: number, random: number): Step {
  if (link.phase === "stopped") return [link, []];
  const turnedAway = code === CLOSE.policy && link.phase !== "ready";
  if (turnedAway || code === CLOSE.displaced) {
    return [{ ...link, phase: "refused", resuming: false, offered: null }, [{ kind: "rest" }]];
  }
  return broken(link, random);
}

function broken(link: Link, random: number): Step {
  const attempt = link.attempt + 1;
  const delayMs = backoffMs(attempt, random);
  const clean = { resuming: false, offered: null, reason: null };
  const state: Link = { ...link, ...clean, phase: "waiting", attempt, delayMs };
  return [state, [{ kind: "wait", ms: delayMs, event: "timer" }]];
}
