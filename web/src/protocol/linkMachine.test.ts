import { describe, expect, it } from "vitest";
import {
  ANSWER_MS,
  backoffMs,
  CLOSE,
  IDLE_LINK,
  isRepeat,
  type Link,
  type LinkEffect,
  type LinkEvent,
  step,
} from "./linkMachine";

function greeting(sessionId: string, seq: number, resumed: boolean): LinkEvent {
  return { kind: "session", sessionId, token: `t-${sessionId}`, seq, resumed };
}

function run(events: LinkEvent[], from: Link = IDLE_LINK): [Link, LinkEffect[]] {
  let link = from;
  const effects: LinkEffect[] = [];
  for (const event of events) {
    const [next, more] = step(link, event, 0.5);
    link = next;
    effects.push(...more);
  }
  return [link, effects];
}

const kinds = (effects: LinkEffect[]) => effects.map((effect) => effect.kind);
const openings = (effects: LinkEffect[]) =>
  effects.flatMap((effect) => (effect.kind === "ready" ? [effect.opening] : []));

const OFFER = greeting("b", 1, false);
const READY = run([{ kind: "start" }, { kind: "opened" }, greeting("a", 1, false)])[0];
const BREAK: LinkEvent[] = [
  { kind: "seq", seq: 7 },
  { kind: "closed", code: 1006 },
  { kind: "timer" },
  { kind: "opened" },
];
const BROKEN = run(BREAK, READY)[0];

describe("the link", () => {
  it("opens, configures, and is ready at the server's greeting", () => {
    const [link, effects] = run([{ kind: "start" }, { kind: "opened" }, greeting("a", 1, false)]);
    expect(kinds(effects)).toEqual([
      ...["open", "wait"],
      ...["configure", "wait"],
      ...["wait", "ready"],
    ]);
    expect(openings(effects)).toEqual(["first"]);
    expect(link).toMatchObject({ phase: "ready", attempt: 0, thread: { sessionId: "a" } });
  });

  it("comes back at once after a break, then more slowly, and up to a bound", () => {
    const delays = [1, 2, 3, 4, 5, 6, 7, 8].map((attempt) => backoffMs(attempt, 1));
    expect(delays.slice(0, 4)).toEqual([200, 400, 800, 1600]);
    expect(Math.max(...delays)).toBe(4000);
    expect(backoffMs(1, 0)).toBe(100);
  });

  it.each([1006, 1012, 1013])("takes a close with %i for a break", (code) => {
    const [link] = run([{ kind: "closed", code }], READY);
    expect(link).toMatchObject({ phase: "waiting", delayMs: 150, thread: { sessionId: "a" } });
  });

  it("is not fooled by a server that opens and breaks again and again", () => {
    const again: LinkEvent[] = [...BREAK, greeting("a", 7, true), { kind: "closed", code: 1006 }];
    expect(run(again, READY)[0].delayMs).toBe(300);
    const steady: LinkEvent[] = [...BREAK, greeting("a", 7, true), { kind: "steady" }];
    expect(run([...steady, { kind: "closed", code: 1006 }], READY)[0].delayMs).toBe(150);
  });

  it("resumes the conversation after a break, before it configures", () => {
    const [link, effects] = run(BREAK, READY);
    expect(kinds(effects)).toEqual(["wait", "open", "wait", "resume", "configure", "wait"]);
    expect(effects).toContainEqual({
      kind: "resume",
      message: { type: "resume", resume_token: "t-a", last_seq: 7 },
    });
    expect(link.phase).toBe("greeting");
  });

  it("resumes a conversation from before a reload with nothing received", () => {
    const thread = { sessionId: "a", token: "t-a", lastSeq: 0 };
    const [link, effects] = run([{ kind: "start", thread }, { kind: "opened" }]);
    expect(effects).toContainEqual({
      kind: "resume",
      message: { type: "resume", resume_token: "t-a", last_seq: 0 },
    });
    expect(openings(run([greeting("a", 0, true)], link)[1])).toEqual(["anew"]);
    expect(openings(run([greeting("a", 12, true)], link)[1])).toEqual(["anew"]);
  });

  it("goes on where it was when the server repeats the number that it was told", () => {
    const [link, effects] = run([OFFER, greeting("a", 7, true)], BROKEN);
    expect(openings(effects)).toEqual(["same"]);
    expect(link).toMatchObject({ phase: "ready", thread: { sessionId: "a", lastSeq: 7 } });
    expect(isRepeat(link, 7)).toBe(true);
    expect(isRepeat(link, 8)).toBe(false);
  });

  it("expects the turn anew when the server's number is larger", () => {
    const [link, effects] = run([OFFER, greeting("a", 30, true)], BROKEN);
    expect(openings(effects)).toEqual(["anew"]);
    expect(link.thread?.lastSeq).toBe(30);
    expect(isRepeat(link, 31)).toBe(false);
  });

  it("needs no offer: a full server says nothing before it has read the resume", () => {
    expect(openings(run([greeting("a", 7, true)], BROKEN)[1])).toEqual(["same"]);
  });

  it("does not take the conversation that is offered before the resume is answered", () => {
    const [link, effects] = run([OFFER, { kind: "seq", seq: 40 }], BROKEN);
    expect(link).toMatchObject({ phase: "greeting", thread: { sessionId: "a", lastSeq: 7 } });
    expect(openings(effects)).toEqual([]);
  });

  it("takes it when the resume is refused", () => {
    const [link, effects] = run([OFFER, { kind: "failed" }], BROKEN);
    expect(openings(effects)).toEqual(["lost"]);
    expect(link).toMatchObject({ phase: "ready", thread: { sessionId: "b" }, lost: false });
    expect(isRepeat(link, 2)).toBe(false);
  });

  it("takes the next greeting when the resume was refused before any was offered", () => {
    const [link, effects] = run([{ kind: "failed" }, greeting("b", 1, false)], BROKEN);
    expect(link.phase).toBe("ready");
    expect(openings(effects)).toEqual(["lost"]);
  });

  it("keeps the conversation when it can't be resumed now, and comes later", () => {
    const later: LinkEvent = { kind: "later", code: "PROFILE_UNAVAILABLE", afterS: 2 };
    const [link, effects] = run([OFFER, later], BROKEN);
    expect(link).toMatchObject({
      phase: "waiting",
      reason: "PROFILE_UNAVAILABLE",
      delayMs: 2000,
      thread: { sessionId: "a", lastSeq: 7 },
    });
    expect(kinds(effects).slice(-2)).toEqual(["close", "wait"]);
    const [back, more] = run([{ kind: "timer" }, { kind: "opened" }, greeting("a", 7, true)], link);
    expect(openings(more)).toEqual(["same"]);
    expect(back.reason).toBeNull();
  });

  it.each<LinkEvent[]>([[], [OFFER]])("gives a silent server up, and not the talk", (...events) => {
    const [link, effects] = run([...events, { kind: "silent" }], BROKEN);
    expect(link).toMatchObject({ phase: "waiting", thread: { sessionId: "a" } });
    expect(kinds(effects).slice(-2)).toEqual(["close", "wait"]);
  });

  it("waits in a queue before the door as long as it takes, but not for an answer", () => {
    expect(run([{ kind: "alive" }], BROKEN)[1]).toEqual([{ kind: "rest" }]);
    expect(run([OFFER, { kind: "alive" }], BROKEN)[1].at(-1)).toEqual({
      kind: "wait",
      ms: ANSWER_MS,
      event: "silent",
    });
  });

  it("does not come back by itself when another page took the conversation over", () => {
    const [link] = run([{ kind: "closed", code: CLOSE.displaced }], READY);
    expect(link.phase).toBe("refused");
    expect(kinds(run([{ kind: "retry" }], link)[1])).toEqual(["open", "wait"]);
  });

  it("does not come back by itself when it was turned away at the door", () => {
    expect(run([{ kind: "closed", code: CLOSE.policy }], BROKEN)[0].phase).toBe("refused");
    expect(run([{ kind: "closed", code: CLOSE.policy }], READY)[0].phase).toBe("waiting");
  });

  it("stays closed when it was stopped", () => {
    const [link, effects] = run([{ kind: "stop" }, { kind: "closed", code: 1000 }], READY);
    expect(link).toEqual(IDLE_LINK);
    expect(kinds(effects)).toEqual(["close"]);
  });
});
