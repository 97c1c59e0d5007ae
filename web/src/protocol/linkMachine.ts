/**
 * The life of the connection, as a pure state machine: events in, a new state and effects out.
 *
 *     connecting ─opened─▶ greeting ─session─▶ ready
 *          ▲                   │                 │
 *          └──timer── waiting ◀┴────closed───────┘        closed by policy ─▶ refused
 *
 * After a break the first message is `resume`. The server may greet with a fresh conversation before
 * it reads that, so a greeting counts only when it says `resumed`, when the resume was answered with
 * an error, or when `RESUME_PATIENCE_MS` is over.
 */

import type { Resume } from "../contract/generated";

export const RESUME_PATIENCE_MS = 1500;
const FIRST_DELAY_MS = 400;
const LONGEST_DELAY_MS = 15_000;

/** WebSocket close codes (RFC 6455 §7.4.1) that the gateway uses. */
export const CLOSE = { policy: 1008, tryLater: 1013, displaced: 4001 } as const;

export type Phase = "connecting" | "greeting" | "ready" | "waiting" | "refused" | "stopped";

/** What is needed to go on with a conversation after a break. */
export interface Thread {
  sessionId: string;
  token: string;
  lastSeq: number;
}

export interface Link {
  phase: Phase;
  /** breaks since the last good greeting */
  attempt: number;
  thread: Thread | null;
  /** the conversation that was offered while a `resume` is unanswered */
  offered: Thread | null;
  /** a `resume` was sent and not yet answered */
  resuming: boolean;
  /** when `waiting`: how long, ms */
  delayMs: number;
  /** numbers up to this one were seen before the break and are dropped when they come again */
  seenSeq: number;
}

export type LinkEvent =
  | { kind: "start" }
  | { kind: "opened" }
  | { kind: "session"; sessionId: string; token: string; resumed: boolean }
  | { kind: "seq"; seq: number }
  | { kind: "failed" }
  | { kind: "patience" }
  | { kind: "closed"; code: number }
  | { kind: "timer" }
  | { kind: "retry" }
  | { kind: "forget" }
  | { kind: "stop" };

export type LinkEffect =
  | { kind: "open" }
  | { kind: "close" }
  | { kind: "resume"; message: Resume }
  | { kind: "configure" }
  | { kind: "wait"; ms: number; event: "timer" | "patience" }
  | { kind: "ready"; fresh: boolean };

export const IDLE_LINK: Link = {
  phase: "stopped",
  attempt: 0,
  thread: null,
  offered: null,
  resuming: false,
  delayMs: 0,
  seenSeq: 0,
};

/** Delay before attempt number `attempt` (from 1), with jitter from `random` in 0…1. */
export function backoffMs(attempt: number, random: number): number {
  const ceiling = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (attempt - 1));
  return Math.round(ceiling * (0.5 + random / 2));
}

type Step = [Link, LinkEffect[]];

/** The next state; `random` in 0…1 spreads reconnects of many pages. */
export function step(link: Link, event: LinkEvent, random: number): Step {
  switch (event.kind) {
    case "start":
    case "timer":
    case "retry":
      return opening(link, event.kind === "retry");
    case "opened":
      return greeting(link);
    case "session":
      return greeted(link, event);
    case "seq":
      return [numbered(link, event.seq), []];
    case "failed":
    case "patience":
      return abandoned(link);
    case "closed":
      return closed(link, event.code, random);
    case "forget":
      return [{ ...link, thread: null, resuming: false, seenSeq: 0 }, []];
    case "stop":
      return [{ ...IDLE_LINK }, [{ kind: "close" }]];
  }
}

/** Whether a message numbered `seq` was seen before the break. */
export function isRepeat(link: Link, seq: number): boolean {
  return seq > 0 && seq <= link.seenSeq;
}

function opening(link: Link, asked: boolean): Step {
  const idle = link.phase === "waiting" || link.phase === "stopped" || link.phase === "refused";
  if (!idle) return [link, []];
  return [{ ...link, phase: "connecting", attempt: asked ? 0 : link.attempt }, [{ kind: "open" }]];
}

function greeting(link: Link): Step {
  const state: Link = { ...link, phase: "greeting", resuming: link.thread !== null };
  if (!link.thread) return [state, [{ kind: "configure" }]];
  const { token, lastSeq } = link.thread;
  const message: Resume = { type: "resume", resume_token: token, last_seq: lastSeq };
  return [
    { ...state, seenSeq: lastSeq },
    [
      { kind: "resume", message },
      { kind: "configure" },
      { kind: "wait", ms: RESUME_PATIENCE_MS, event: "patience" },
    ],
  ];
}

function greeted(link: Link, event: LinkEvent & { kind: "session" }): Step {
  const { sessionId, token, resumed } = event;
  const lastSeq = resumed ? (link.thread?.lastSeq ?? 0) : 0;
  const thread: Thread = { sessionId, token, lastSeq };
  if (link.resuming && !resumed) return [{ ...link, offered: thread }, []];
  const seenSeq = resumed ? link.seenSeq : 0;
  return settled({ ...link, thread, seenSeq, offered: null, resuming: false }, !resumed);
}

/** The `resume` failed: the conversation that was offered instead is the one, once it is there. */
function abandoned(link: Link): Step {
  if (!link.resuming) return [link, []];
  const next: Link = { ...link, thread: link.offered, offered: null, resuming: false, seenSeq: 0 };
  return next.thread ? settled(next, true) : [next, []];
}

function settled(link: Link, fresh: boolean): Step {
  return [{ ...link, phase: "ready", attempt: 0, delayMs: 0 }, [{ kind: "ready", fresh }]];
}

function numbered(link: Link, seq: number): Link {
  if (!link.thread || seq <= link.thread.lastSeq) return link;
  return { ...link, thread: { ...link.thread, lastSeq: seq } };
}

function closed(link: Link, code: number, random: number): Step {
  if (link.phase === "stopped") return [link, []];
  if (code === CLOSE.policy || code === CLOSE.displaced) {
    return [{ ...link, phase: "refused", resuming: false }, []];
  }
  const attempt = link.attempt + 1;
  const delayMs = backoffMs(code === CLOSE.tryLater ? attempt + 2 : attempt, random);
  const state: Link = { ...link, phase: "waiting", attempt, delayMs, resuming: false };
  return [state, [{ kind: "wait", ms: delayMs, event: "timer" }]];
}
