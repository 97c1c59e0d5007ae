/**
 * What has to be sent again after a break, as pure functions of the turns.
 *
 * Turns go one after another, each under its own key, when the one before was taken: a server hears
 * one utterance at a time, and answers a key that it knows with the turn that it has.
 */

import type { Opening } from "../protocol/linkMachine";
import type { Resumed } from "./speech";
import type { Turn } from "./turn";

/** Keys of the turns that the server may not have, oldest first; `hasSound` of what the page has. */
export function toSend(
  turns: readonly Turn[],
  opening: Opening,
  hasSound: (key: string) => boolean,
): string[] {
  return turns
    .filter((turn) => isOpen(turn) && isMissing(turn, opening))
    .filter((turn) => turn.userFinal || hasSound(turn.key))
    .map(({ key }) => key);
}

/** The turn that is being said, and where in the samples the last understood one ends. */
export function spokenSoFar(turns: readonly Turn[]): Pick<Resumed, "open" | "understoodTo"> {
  const spoken = turns.filter((turn) => !turn.typed && !turn.earlier && !turn.failure);
  const open = spoken.findLast((turn) => turn.turnId !== null && !turn.userFinal && !turn.done);
  const ends = spoken.filter((turn) => turn.userFinal).map((turn) => turn.offset);
  return {
    open: open ? { key: open.key, start: open.start } : null,
    understoodTo: Math.max(0, ...ends),
  };
}

/** Whether the turn of that key needs no more sending: it was taken, or it ended. */
export function isTaken(turn: Turn | undefined): boolean {
  if (!turn || !isOpen(turn)) return true;
  return !turn.stale && turn.turnId !== null && turn.userFinal;
}

/** Whether the server is yet to say if it goes on with a turn that it had. */
export function isAwaited(turn: Turn): boolean {
  return isOpen(turn) && turn.stale && turn.turnId !== null;
}

function isOpen(turn: Turn): boolean {
  return !turn.done && !turn.failure && !turn.earlier;
}

function isMissing(turn: Turn, opening: Opening): boolean {
  if (opening === "anew") return true;
  // Of an answer that was begun in a lost conversation the heard part stays; it is not done twice.
  if (opening === "lost" || opening === "first") return turn.answer === "";
  return turn.turnId === null || !turn.userFinal;
}

/** How long a server that resumed may take to say that it goes on with a turn. */
const TOLD_MS = 1000;

/** Sends turns one after another, the next when the one before was taken. */
export class Resending {
  #queue: string[] = [];
  #sending: string | null = null;
  #told: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly turns: () => readonly Turn[],
    /** Send a turn; false where the page has nothing of it to send. */
    private readonly send: (turn: Turn) => boolean,
  ) {}

  /** The connection is gone: what is to be sent is asked anew at the next one. */
  stop(): void {
    clearTimeout(this.#told);
    this.#told = undefined;
    this.#queue = [];
    this.#sending = null;
  }

  /**
   * Send the turns of `keys` after the conversation opened. A turn that the server had it may tell
   * again by itself: it is sent only if that does not come.
   */
  start(keys: readonly string[]): void {
    this.stop();
    this.#queue = [...keys];
    if (!this.turns().some(isAwaited)) return this.go();
    this.#told = setTimeout(() => {
      this.#told = undefined;
      this.go();
    }, TOLD_MS);
  }

  add(key: string): void {
    this.#queue.push(key);
    this.go();
  }

  /** Something came from the server: perhaps it is the next one's turn. */
  go(): void {
    const turns = this.turns();
    const turnOf = (key: string) => turns.find((turn) => turn.key === key);
    if (this.#told && turns.some(isAwaited)) return;
    if (this.#sending && !isTaken(turnOf(this.#sending))) return;
    this.#sending = null;
    while (!this.#sending && this.#queue.length > 0) {
      const turn = turnOf(this.#queue.shift() ?? "");
      if (turn && !isTaken(turn) && this.send(turn)) this.#sending = turn.key;
    }
  }
}
