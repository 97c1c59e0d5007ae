import { describe, expect, it } from "vitest";
import {
  backoffMs,
  CLOSE,
  IDLE_LINK,
  isRepeat,
  type Link,
  type LinkEffect,
  type LinkEvent,
  step,
} from "./linkMachine";

const GREETING: LinkEvent = { kind: "session", sessionId: "a", token: "t", resumed: false };

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
const READY = run([{ kind: "start" }, { kind: "opened" }, GREETING])[0];

describe("the link", () => {
  it("opens, configures, and is ready at the server's greeting", () => {
    const [link, effects] = run([{ kind: "start" }, { kind: "opened" }, GREETING]);
    expect(kinds(effects)).toEqual(["open", "configure", "ready"]);
    expect(link).toMatchObject({ phase: "ready", attempt: 0, thread: { sessionId: "a" } });
  });

  it("waits longer after each break, and up to a bound", () => {
    const delays = [1, 2, 3, 4, 5, 6, 7, 8].map((attempt) => backoffMs(attempt, 1));
    expect(delays.slice(0, 4)).toEqual([400, 800, 1600, 3200]);
    expect(Math.max(...delays)).toBe(15_000);
    expect(backoffMs(1, 0)).toBe(200);
  });

  it("resumes the conversation after a break, before it configures", () => {
    const [link, effects] = run(
      [
        { kind: "seq", seq: 7 },
        { kind: "closed", code: 1006 },
        { kind: "timer" },
        { kind: "opened" },
      ],
      READY,
    );
    expect(kinds(effects)).toEqual(["wait", "open", "resume", "configure", "wait"]);
    expect(effects[2]).toEqual({
      kind: "resume",
      message: { type: "resume", resume_token: "t", last_seq: 7 },
    });
    expect(link.phase).toBe("greeting");
  });

  const BROKEN = run(
    [
      { kind: "seq", seq: 7 },
      { kind: "closed", code: 1006 },
      { kind: "timer" },
      { kind: "opened" },
    ],
    READY,
  )[0];

  it("does not take the conversation that is offered before the resume is answered", () => {
    const offered: LinkEvent = { kind: "session", sessionId: "b", token: "u", resumed: false };
    const [waiting] = run([offered], BROKEN);
    expect(waiting.phase).toBe("greeting");
    const back: LinkEvent = { kind: "session", sessionId: "a", token: "t2", resumed: true };
    const [link, effects] = run([back], waiting);
    expect(link).toMatchObject({ phase: "ready", thread: { sessionId: "a", token: "t2" } });
    expect(effects).toEqual([{ kind: "ready", fresh: false }]);
    expect(isRepeat(link, 7)).toBe(true);
    expect(isRepeat(link, 8)).toBe(false);
  });

  it.each<LinkEvent>([{ kind: "failed" }, { kind: "patience" }])(
    "takes it when the resume fails: $kind",
    (failure) => {
      const offered: LinkEvent = { kind: "session", sessionId: "b", token: "u", resumed: false };
      const [link, effects] = run([offered, failure], BROKEN);
      expect(link).toMatchObject({ phase: "ready", thread: { sessionId: "b", lastSeq: 0 } });
      expect(effects).toEqual([{ kind: "ready", fresh: true }]);
      expect(isRepeat(link, 1)).toBe(false);
    },
  );

  it("takes the next greeting when the resume failed before any was offered", () => {
    const [link, effects] = run([{ kind: "failed" }, GREETING], BROKEN);
    expect(link.phase).toBe("ready");
    expect(effects).toEqual([{ kind: "ready", fresh: true }]);
  });

  it("does not come back by itself when another page took the conversation over", () => {
    const [link, effects] = run([{ kind: "closed", code: CLOSE.displaced }], READY);
    expect(link.phase).toBe("refused");
    expect(effects).toEqual([]);
    expect(kinds(run([{ kind: "retry" }], link)[1])).toEqual(["open"]);
  });

  it("waits longer where the server is full", () => {
    const full = run([{ kind: "closed", code: CLOSE.tryLater }], READY)[0];
    const broken = run([{ kind: "closed", code: 1006 }], READY)[0];
    expect(full.delayMs).toBeGreaterThan(broken.delayMs);
  });

  it("stays closed when it was stopped", () => {
    const [link, effects] = run([{ kind: "stop" }, { kind: "closed", code: 1000 }], READY);
    expect(link).toEqual(IDLE_LINK);
    expect(kinds(effects)).toEqual(["close"]);
  });
});
