import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Heard, Player } from "../audio/player";
import type { AudioResponse } from "../contract/generated";
import { Sound } from "./sound";

class FakePlayer implements Player {
  readonly log: string[] = [];
  readonly heard = new Map<string, number>();
  constructor(readonly tell: (heard: Heard) => void) {}
  async unlock() {}
  push(key: string, samples: Float32Array, rate: number) {
    this.log.push(`push ${key} ${samples.length} ${rate}`);
  }
  end(key: string) {
    this.log.push(`end ${key}`);
  }
  pause() {
    this.log.push("pause");
  }
  resume() {
    this.log.push("resume");
  }
  flush() {
    this.log.push("flush");
  }
  setMuted() {}
  heardMs(key: string) {
    return this.heard.get(key) ?? 0;
  }
  async close() {}
}

function clause(extra: Partial<AudioResponse> = {}): AudioResponse {
  return {
    type: "audio_response",
    seq: 0,
    turn_id: "t1",
    revision: 0,
    mode: "fast",
    sample_rate: 24_000,
    format: "pcm_s16le",
    text: "One.",
    is_final: false,
    ...extra,
  };
}

const frame = (turnNumber = 1) => ({ turnNumber, seq: 0, flags: 0, pcm: new Uint8Array(480) });

function rig() {
  const heard: [string, number, boolean][] = [];
  const speaking: boolean[] = [];
  let player: FakePlayer | undefined;
  const sound = new Sound(
    {
      onHeard: ({ turnId }, ms, ended) => heard.push([turnId, ms, ended]),
      onSpeaking: (now) => speaking.push(now),
      onGivingWay: () => undefined,
      onFrame: () => undefined,
    },
    ({ onHeard }) => {
      player = new FakePlayer(onHeard);
      return player;
    },
  );
  return { sound, heard, speaking, player: () => player as FakePlayer };
}

describe("sound", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("plays frames at the rate that their clause declared", () => {
    const { sound, player } = rig();
    sound.takeMessage(clause());
    sound.takeFrame(frame());
    sound.takeMessage(clause({ sample_rate: 22_050, text: "Two." }));
    sound.takeFrame(frame());
    sound.takeMessage(clause({ is_final: true, text: null }));
    expect(player().log).toEqual(["push t1/0 240 24000", "push t1/0 240 22050", "end t1/0"]);
  });

  it("plays sound that comes in the message itself", () => {
    const { sound, player } = rig();
    sound.takeMessage(clause({ data: btoa("\0".repeat(96)) }));
    expect(player().log).toEqual(["push t1/0 48 24000"]);
  });

  it("tells what was heard at least every 250 ms, and at the end at once", () => {
    const { sound, heard, speaking, player } = rig();
    sound.takeMessage(clause());
    sound.takeFrame(frame());
    player().heard.set("t1/0", 180);
    vi.advanceTimersByTime(250);
    expect(heard).toEqual([["t1", 180, false]]);
    vi.advanceTimersByTime(250);
    expect(heard).toHaveLength(2);
    player().heard.set("t1/0", 333);
    player().tell({ key: "t1/0", ms: 333, ended: true });
    expect(heard.at(-1)).toEqual(["t1", 333, true]);
    vi.advanceTimersByTime(1000);
    expect(heard).toHaveLength(3);
    expect(speaking).toEqual([true, false]);
  });

  it("is silent after a flush, whatever of that reply still comes", () => {
    const { sound, player, speaking } = rig();
    sound.takeMessage(clause());
    sound.takeFrame(frame());
    sound.control({
      type: "playback_control",
      seq: 0,
      turn_id: "t1",
      revision: 0,
      action: "flush",
    });
    sound.takeFrame(frame());
    sound.takeMessage(clause());
    sound.takeFrame(frame());
    sound.takeMessage(clause({ is_final: true }));
    expect(player().log).toEqual(["push t1/0 240 24000", "flush"]);
    expect(speaking).toEqual([true, false]);
  });

  it("lets another reply sound while a flush for the one before it is late", () => {
    const { sound, player } = rig();
    sound.takeMessage(clause({ turn_id: "t2" }));
    sound.takeFrame(frame(2));
    sound.cut({ turnId: "t1", revision: 0 });
    expect(player().log).not.toContain("flush");
  });

  it("pauses and goes on when the server says so", () => {
    const { sound, player } = rig();
    const control = { type: "playback_control", seq: 0, turn_id: "t1", revision: 0 } as const;
    sound.control({ ...control, action: "pause" });
    sound.control({ ...control, action: "resume" });
    expect(player().log).toEqual(["pause", "resume"]);
  });

  it("holds still while the conversation is resumed, and stays paused where it was", () => {
    const { sound, player } = rig();
    const control = { type: "playback_control", seq: 0, turn_id: "t1", revision: 0 } as const;
    sound.takeMessage(clause());
    sound.takeFrame(frame());
    player().log.length = 0;
    sound.hold(true);
    sound.hold(false);
    sound.control({ ...control, action: "pause" });
    sound.hold(true);
    sound.hold(false);
    expect(player().log).toEqual(["pause", "resume", "pause", "pause", "pause"]);
  });

  it("remembers how much of a reply was heard when it has ended", () => {
    const { sound, player } = rig();
    sound.takeMessage(clause());
    sound.takeFrame(frame());
    player().heard.set("t1/0", 120);
    expect(sound.heard).toEqual({ reply: { turnId: "t1", revision: 0 }, ms: 120 });
    player().tell({ key: "t1/0", ms: 333, ended: true });
    expect(sound.playing).toBeNull();
    expect(sound.heard).toEqual({ reply: { turnId: "t1", revision: 0 }, ms: 333 });
  });

  it("drops what is queued of a reply that is told again, and plays what comes then", () => {
    const { sound, player, speaking } = rig();
    sound.takeMessage(clause());
    sound.takeFrame(frame());
    sound.restart({ turnId: "t1", revision: 0 });
    sound.takeFrame(frame());
    expect(player().log).toEqual(["push t1/0 240 24000", "flush"]);
    sound.takeMessage(clause());
    sound.takeFrame(frame());
    expect(player().log.at(-1)).toBe("push t1/0 240 24000");
    expect(speaking).toEqual([true, false, true]);
  });

  it("leaves a reply silent that was cut, though it is told again", () => {
    const { sound, player } = rig();
    const reply = { turnId: "t1", revision: 0 };
    sound.takeMessage(clause());
    sound.takeFrame(frame());
    sound.cut(reply);
    sound.restart(reply);
    sound.takeMessage(clause());
    sound.takeFrame(frame());
    expect(player().log).toEqual(["push t1/0 240 24000", "flush"]);
  });
});
