import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { MicrophoneError } from "../audio/microphone";
import type { SpeechSource } from "../audio/source";
import type { ClientMessage } from "../contract/generated";
import type { Settings } from "./settings";
import { type Resumed, Speech } from "./speech";
import type { Utterance } from "./utterance";

const PIECE = 1280;

/** A microphone that says what the test says, and a line that may be cut. */
function rig(change: Partial<Settings> = {}) {
  const settings = { microphone: "pcm", transport: "binary", processed: true, ...change };
  const sent: (ClientMessage | number)[] = [];
  const pieces: number[] = [];
  const begun: string[] = [];
  const dropped: string[] = [];
  const world = { up: true, captures: 0, tracks: 0, refuse: false };
  let hear: (piece: ArrayBuffer) => void = () => undefined;
  let last = 0;
  const source: SpeechSource = {
    open: async () => {
      if (world.refuse) throw new MicrophoneError("denied");
      world.tracks++;
      return { getTracks: () => [{ stop: () => world.tracks-- }] } as unknown as MediaStream;
    },
    capture: async (_stream, _format, onPiece) => {
      world.captures++;
      hear = onPiece;
      return { stop: async () => undefined };
    },
    can: () => true,
  };
  const line = {
    send: (message: ClientMessage) => world.up && sent.push(message) > 0,
    sendAudio: (piece: ArrayBuffer) => {
      if (!world.up) return false;
      pieces.push(piece.byteLength);
      return sent.push(new Uint8Array(piece)[0] ?? -1) > 0;
    },
  };
  const events = {
    onBegun: ({ key }: { key: string }) => void begun.push(key),
    onDropped: (key: string) => void dropped.push(key),
    onLevel: () => undefined,
  };
  const speech = new Speech(line, events, () => settings as Settings, source);
  /** Hear `count` pieces; their first byte numbers them. */
  const say = (count: number) => {
    for (let i = 0; i < count; i++) hear(new Uint8Array(PIECE).fill(++last).buffer);
  };
  const end = async () => {
    const ended = speech.end();
    await vi.runOnlyPendingTimersAsync();
    await ended;
  };
  return { speech, sent, pieces, begun, dropped, world, say, end };
}

const start = (sample: number, utterance_id?: string) =>
  utterance_id ? { type: "audio_start", utterance_id, sample } : { type: "audio_start", sample };
const same = (offset: number): Resumed => ({ offset, anew: false, open: null, understoodTo: 0 });

function kept(speech: Speech, key: string): Utterance {
  const utterance = speech.kept(key);
  if (!utterance) throw new Error(`${key} is not kept`);
  return utterance;
}

const stop = (utterance_id: string) => ({ type: "audio_end", utterance_id });

describe("speech", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("numbers samples through the whole conversation", async () => {
    const { speech, sent, begun, say, end } = rig();
    await speech.begin("u1");
    say(2);
    await end();
    await speech.begin("u2");
    say(1);
    await end();
    expect(sent).toEqual([start(0, "u1"), 1, 2, stop("u1"), start(1280, "u2"), 3, stop("u2")]);
    expect(begun).toEqual(["u1", "u2"]);
  });

  it("keeps the microphone for the next utterance, and lets it go after a while", async () => {
    const { speech, world, say, end } = rig();
    await speech.begin("u1");
    say(1);
    const ending = speech.end();
    await vi.advanceTimersByTimeAsync(1000);
    await ending;
    expect(world.tracks).toBe(1);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(world.tracks).toBe(0);
    await end();
  });

  it("makes nothing of a press that was over before the microphone opened", async () => {
    const { speech, sent, dropped, begun } = rig();
    const beginning = speech.begin("u1");
    await speech.end();
    await beginning;
    expect(sent).toEqual([]);
    expect(begun).toEqual([]);
    expect(dropped).toEqual(["u1"]);
    expect(speech.microphone.get().phase).toBe("off");
  });

  it("says why there is no microphone", async () => {
    const { speech, world, dropped } = rig();
    world.refuse = true;
    await speech.begin("u1");
    expect(speech.microphone.get()).toEqual({ phase: "off", problem: "denied" });
    expect(dropped).toEqual(["u1"]);
  });

  it("goes on with an utterance after a break from where the server's hearing ends", async () => {
    const { speech, sent, world, say, end } = rig();
    await speech.begin("u1");
    say(2);
    world.up = false;
    say(1);
    world.up = true;
    speech.reconnected(same(640));
    say(1);
    sent.length = 0;
    speech.repeat(kept(speech, "u1"));
    expect(sent).toEqual([start(640, "u1"), 2, 3, 4]);
    say(1);
    await end();
    expect(sent.slice(-2)).toEqual([5, stop("u1")]);
  });

  it("cuts a piece that the server has in part", async () => {
    const { speech, pieces, say, end } = rig();
    await speech.begin("u1");
    say(2);
    await end();
    speech.reconnected(same(700));
    pieces.length = 0;
    speech.repeat(kept(speech, "u1"));
    expect(pieces).toEqual([PIECE - 120]);
  });

  it("ends an utterance again of which the server has all the sound", async () => {
    const { speech, sent, say, end } = rig();
    await speech.begin("u1");
    say(1);
    await end();
    speech.reconnected(same(640));
    sent.length = 0;
    speech.repeat(kept(speech, "u1"));
    expect(sent).toEqual([start(640, "u1"), stop("u1")]);
  });

  it("sends it whole in another conversation, whose samples are counted anew", async () => {
    const { speech, sent, world, say, end } = rig();
    await speech.begin("u1");
    say(1);
    world.up = false;
    say(1);
    await end();
    world.up = true;
    sent.length = 0;
    speech.reconnected({ ...same(0), anew: true });
    speech.repeat(kept(speech, "u1"));
    expect(sent).toEqual([start(0, "u1"), 1, 2, stop("u1")]);
    await speech.begin("u2");
    say(1);
    expect(sent.slice(-2)).toEqual([start(1280, "u2"), 3]);
    await end();
  });

  it("counts on from where the server is after a reload", async () => {
    const { speech, sent, say, end } = rig();
    speech.reconnected({ ...same(32_000), anew: true });
    await speech.begin("u1");
    say(1);
    expect(sent).toEqual([start(32_000, "u1"), 1]);
    await end();
  });

  it("sends a container whole whatever the server has of it", async () => {
    const { speech, sent, say, end } = rig({ microphone: "webm" });
    await speech.begin("u1");
    say(2);
    await end();
    speech.reconnected(same(6000));
    sent.length = 0;
    speech.repeat(kept(speech, "u1"));
    expect(sent).toEqual([start(0, "u1"), 1, 2, stop("u1")]);
  });

  it("keeps each utterance until its turn is done, and the last one for another try", async () => {
    const { speech, sent, say, end } = rig();
    await speech.begin("u1");
    say(1);
    await end();
    await speech.begin("u2");
    say(1);
    await end();
    speech.settle("u1");
    speech.settle("u2");
    expect(speech.kept("u1")).toBeNull();
    sent.length = 0;
    speech.copy(kept(speech, "u2"), "u3");
    speech.repeat(kept(speech, "u3"));
    expect(sent).toEqual([start(1280, "u3"), 2, stop("u3")]);
  });

  it("sends in hands-free what the server lacks, under the id of the turn that is open", async () => {
    const { speech, sent, world, say } = rig();
    await speech.stream();
    say(2);
    world.up = false;
    say(1);
    world.up = true;
    sent.length = 0;
    speech.reconnected({ ...same(640), open: { key: "t", start: 100 } });
    expect(sent).toEqual([start(640, "t"), 2, 3]);
    say(1);
    expect(sent.at(-1)).toBe(4);
    await speech.close();
  });

  it("sends no words of hands-free twice that were understood before the break", async () => {
    const { speech, sent, say } = rig();
    await speech.stream();
    say(3);
    sent.length = 0;
    speech.reconnected({ ...same(0), understoodTo: 1280 });
    expect(sent).toEqual([start(1280), 3]);
    speech.confirm(1920);
    sent.length = 0;
    speech.reconnected(same(0));
    expect(sent).toEqual([start(1920)]);
    await speech.close();
  });

  it("sends a fresh hands-free conversation only what nobody has heard", async () => {
    const { speech, sent, world, say } = rig();
    await speech.stream();
    say(2);
    world.up = false;
    say(1);
    world.up = true;
    sent.length = 0;
    speech.reconnected({ ...same(0), anew: true });
    expect(sent).toEqual([3]);
    await speech.close();
    expect(world.tracks).toBe(0);
  });

  it("sends it the turn that was being said from its beginning", async () => {
    const { speech, sent, say } = rig();
    await speech.stream();
    say(3);
    sent.length = 0;
    speech.reconnected({ ...same(0), anew: true, open: { key: "t", start: 640 } });
    expect(sent).toEqual([start(0, "t"), 2, 3]);
    await speech.close();
  });

  it("begins another container after a break, or when the server could not read it", async () => {
    const { speech, world, say } = rig({ microphone: "webm" });
    await speech.stream();
    say(1);
    speech.reconnected(same(0));
    await vi.runOnlyPendingTimersAsync();
    expect(world.captures).toBe(2);
    speech.unreadable();
    await vi.runOnlyPendingTimersAsync();
    expect(world.captures).toBe(3);
    await speech.close();
  });

  it("wraps pieces in JSON where that was chosen", async () => {
    const { speech, sent, say, end } = rig({ transport: "json" });
    await speech.begin("u1");
    say(1);
    expect(sent[1]).toMatchObject({
      type: "audio_chunk",
      utterance_id: "u1",
      sr: 16_000,
      codec: "pcm_s16le",
    });
    await end();
  });

  it("stops listening when the server refused the utterance, and ends it no second time", async () => {
    const { speech, sent, say, end } = rig();
    await speech.begin("u1");
    say(1);
    await speech.abort();
    expect(speech.microphone.get().phase).toBe("off");
    await end();
    expect(sent).toEqual([start(0, "u1"), 1]);
  });

  it("goes from a held button to hands-free without losing the microphone", async () => {
    const { speech, sent, say } = rig();
    await speech.begin("u1");
    say(1);
    const streaming = speech.stream();
    await vi.runOnlyPendingTimersAsync();
    await streaming;
    expect(sent.at(-1)).toEqual(stop("u1"));
    say(1);
    expect(sent.at(-1)).toBe(2);
    await speech.close();
  });
});
