import { describe, expect, it } from "vitest";
import { heardChars, prefixLength, soundMs, withSound } from "./ledger";

describe("the ledger", () => {
  const clauses = [
    ["It is bright, ", 400],
    [null, 600],
    ["twenty-four degrees.", 800],
  ] as const;
  const ledger = clauses.reduce(
    (was, [text, ms]) => withSound(was, text, ms),
    [] as ReturnType<typeof withSound>,
  );

  it("lays clauses after one another", () => {
    expect(ledger).toEqual([
      { text: "It is bright, ", startMs: 0, lengthMs: 1000 },
      { text: "twenty-four degrees.", startMs: 1000, lengthMs: 800 },
    ]);
    expect(soundMs(ledger)).toBe(1800);
  });

  it.each([
    [0, ""],
    [1, "It is **bright**, "],
    [1000, "It is **bright**, "],
    [1001, "It is **bright**, twenty-four degrees."],
  ])("at %i ms has let hear: %s", (ms, heard) => {
    const answer = "It is **bright**, twenty-four degrees. Later more.";
    expect(answer.slice(0, heardChars(answer, ledger, ms)).trimEnd()).toBe(heard.trimEnd());
  });

  it("finds Chinese words, with their punctuation", () => {
    const answer = "台北今天很晴朗，氣溫二十四度。";
    expect(answer.slice(0, prefixLength(answer, "台北今天很晴朗"))).toBe("台北今天很晴朗，");
  });

  it("is whole when more was spoken than is written", () => {
    expect(prefixLength("24 度", "二十四度左右")).toBe(4);
  });
});
