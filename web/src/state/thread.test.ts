import { expect, it, vi } from "vitest";
import { asResume, tabMemory } from "./thread";

/** Locks as tabs of one browser share them (Web Locks API, exclusive only). */
class FakeLocks {
  readonly held = new Set<string>();
  async request(name: string, { signal }: LockOptions, body: () => Promise<void>): Promise<void> {
    while (this.held.has(name)) {
      await new Promise((resolve, reject) => {
        signal?.addEventListener("abort", () => reject(signal.reason));
        setTimeout(resolve, 10);
      });
    }
    this.held.add(name);
    await body();
    this.held.delete(name);
  }
}

function storage(text: string | null = null): Storage {
  let kept = text;
  return {
    getItem: () => kept,
    setItem: (_key: string, value: string) => {
      kept = value;
    },
    removeItem: () => {
      kept = null;
    },
  } as unknown as Storage;
}

const KEPT = { sessionId: "s1", token: "t", said: true, heard: null };

it("remembers the conversation until another begins", () => {
  const memory = tabMemory(storage(), undefined);
  memory.write(KEPT);
  expect(memory.read()).toEqual(KEPT);
  memory.write(null);
  expect(memory.read()).toBeNull();
});

it.each(["{", "{}", '{"sessionId": 1, "token": "t"}', "null"])("makes nothing of %s", (text) => {
  expect(tabMemory(storage(text), undefined).read()).toBeNull();
});

it("keeps a copied tab from taking the conversation away", async () => {
  vi.useFakeTimers();
  vi.spyOn(AbortSignal, "timeout").mockImplementation((ms) => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error("late")), ms);
    return stop.signal;
  });
  const locks = new FakeLocks() as unknown as LockManager;
  const first = tabMemory(storage(), locks);
  const copy = tabMemory(storage(), locks);
  expect(await first.claim("s1")).toBe(true);
  expect(await first.claim("s1")).toBe(true);
  const claimed = copy.claim("s1");
  await vi.advanceTimersByTimeAsync(4000);
  expect(await claimed).toBe(false);
  await first.claim("s2");
  const again = tabMemory(storage(), locks).claim("s1");
  await vi.advanceTimersByTimeAsync(100);
  expect(await again).toBe(true);
  vi.useRealTimers();
  vi.restoreAllMocks();
});

it("lets the page after a reload have the conversation", async () => {
  const locks = new FakeLocks() as unknown as LockManager;
  const before = tabMemory(storage(), locks);
  expect(await before.claim("s1")).toBe(true);
  before.leave();
  expect(await tabMemory(storage(), locks).claim("s1")).toBe(true);
  const copied = before.claim("s1");
  expect(await Promise.race([copied, Promise.resolve("waits")])).toBe("waits");
});

it("says what was heard as the contract does", () => {
  expect(asResume(null)).toEqual({});
  expect(asResume({ turnId: "t1", revision: 2, playedMs: 420.6, text: "" })).toEqual({
    turn_id: "t1",
    revision: 2,
    played_ms: 421,
  });
});
