/**
 * Which words of an answer lie where in its sound. The server keeps the same ledger; the page's one
 * only draws what was heard so far, and is overruled by `turn_done.heard_text`.
 */

export interface Clause {
  text: string;
  /** where its sound begins in the answer, ms */
  startMs: number;
  /** how long it is so far, ms */
  lengthMs: number;
}

/** `clauses` with a piece of sound of `ms` added; `text` opens a new clause, the first at `fromMs`. */
export function withSound(
  clauses: readonly Clause[],
  text: string | null,
  ms: number,
  fromMs = 0,
): Clause[] {
  const last = clauses.at(-1);
  if (text !== null || !last) {
    const startMs = last ? last.startMs + last.lengthMs : fromMs;
    return [...clauses, { text: text ?? "", startMs, lengthMs: ms }];
  }
  return [...clauses.slice(0, -1), { ...last, lengthMs: last.lengthMs + ms }];
}

/** Length of the sound, ms. */
export function soundMs(clauses: readonly Clause[]): number {
  const last = clauses.at(-1);
  return last ? last.startMs + last.lengthMs : 0;
}

/**
 * Number of leading characters of `answer` whose sound began before `playedMs`.
 *
 * Clauses are what was spoken: Markdown and the like are gone from them. So they are looked for in
 * the answer one after the other, by their letters and digits only.
 */
export function heardChars(answer: string, clauses: readonly Clause[], playedMs: number): number {
  const heard = clauses.filter((c) => c.startMs < playedMs).map((c) => c.text);
  return prefixLength(answer, heard.join(""));
}

/** Length of the shortest prefix of `answer` that holds the letters and digits of `spoken`. */
export function prefixLength(answer: string, spoken: string): number {
  const wanted = Array.from(spoken).filter(isWord);
  if (wanted.length === 0) return 0;
  let found = 0;
  let at = 0;
  for (const character of answer) {
    at += character.length;
    if (!isWord(character)) continue;
    found++;
    if (found === wanted.length) return withTrailing(answer, at);
  }
  return answer.length;
}

/** Whether `text` ends with the letters and digits of `spoken`. */
export function isSameEnding(text: string, spoken: string): boolean {
  const wordsOf = (words: string) => Array.from(words).filter(isWord).join("");
  return wordsOf(text).endsWith(wordsOf(spoken));
}

function isWord(character: string): boolean {
  return /[\p{L}\p{N}]/u.test(character);
}

/** Punctuation after a word belongs to it. */
function withTrailing(answer: string, at: number): number {
  const rest = answer.slice(at).match(/^[^\p{L}\p{N}]*/u);
  return at + (rest?.[0].length ?? 0);
}
