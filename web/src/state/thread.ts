/** The conversation that a tab is in, kept for the time after a reload. */

import type { Resume } from "../contract/generated";

/** What was heard of the last answer. */
export interface HeardReply {
  turnId: string;
  revision: number;
  playedMs: number;
  /** its words, as far as they were heard */
  text: string;
}

export interface KeptThread {
  sessionId: string;
  token: string;
  /** a turn was taken: the store has something of it, or soon will */
  said: boolean;
  heard: HeardReply | null;
}

/** A tab's memory; it outlives a reload, and no other tab reads it. */
export interface TabMemory {
  read(): KeptThread | null;
  write(kept: KeptThread | null): void;
  /**
   * Whether the conversation is this tab's own. A tab that was made as a copy of another has a copy
   * of its memory, and would take the conversation away from it.
   */
  claim(sessionId: string): Promise<boolean>;
  /** The page goes: the one that comes after it in this tab has the conversation. */
  leave(): void;
}

const KEY = "avatar.conversation";

/** How long the page before a reload may take to go: it says so, but on a busy machine late. */
const LEAVE_MS = 3000;

/** Memory in `storage`; `locks` is missing where a page isn't secure. */
export function tabMemory(storage: Storage, locks: LockManager | undefined): TabMemory {
  let held: string | null = null;
  let release: () => void = () => undefined;

  const claim = async (sessionId: string): Promise<boolean> => {
    if (!locks || held === sessionId) return true;
    release();
    held = sessionId;
    const gone = new Promise<void>((resolve) => {
      release = resolve;
    });
    return granted(locks, `${KEY}.${sessionId}`, gone);
  };

  return {
    read: () => parsed(storage.getItem(KEY)),
    write: (kept) => (kept ? storage.setItem(KEY, JSON.stringify(kept)) : storage.removeItem(KEY)),
    claim,
    leave: () => {
      release();
      held = null;
    },
  };
}

/** Hold the lock `name` until `gone`; false when another tab has it. */
function granted(locks: LockManager, name: string, gone: Promise<void>): Promise<boolean> {
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(LEAVE_MS);
    locks
      .request(name, { signal }, () => {
        resolve(true);
        return gone;
      })
      .catch(() => resolve(false));
  });
}

function parsed(text: string | null): KeptThread | null {
  try {
    const { sessionId, token, said, heard } = JSON.parse(text ?? "{}") as Partial<KeptThread>;
    if (typeof sessionId !== "string" || typeof token !== "string") return null;
    return { sessionId, token, said: said === true, heard: heard ?? null };
  } catch {
    return null;
  }
}

/** `heard` as `resume` says it. */
export function asResume(
  heard: HeardReply | null,
): Pick<Resume, "turn_id" | "revision" | "played_ms"> {
  if (!heard) return {};
  const { turnId: turn_id, revision, playedMs } = heard;
  return { turn_id, revision, played_ms: Math.round(playedMs) };
}
