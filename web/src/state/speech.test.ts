import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { MicrophoneError } from "../audio/microphone";
import type { SpeechSource } from "../audio/source";
import type { ClientMessage } from "../contract/generated";
import type { Settings } from "./settings";
import { Speech } from "./speech";

const PIECE = 1280;

/** A microphone that says what the test says, and a line that may be cut. */
function rig(change: Partial<Settings> = {}) {
  const settings = { microphone: "pcm", transport: "binary", processed: true, ...change };
  const sent: (ClientMessage | number)[] = [];
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
    sendAudio: (piece: ArrayBuffer) => world.up && sent.push(new Uint8Array(piece)[0] ?? -1) > 0,
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
  return { speech, sent, begun, dropped, world, say, end };
}

const start = (sample: number, utterance_id?: string) =>
  utterance_id ? { type: "audio_start", utterance_id, sample } : { type: "audio_start", sample };
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

  it("sends an utterance again whole after a break: at its place, or at a new one", async () => {
    const { speech, sent, world, say, end } = rig();
    await speech.begin("u1");
    say(1);
    world.up = false;
    say(1);
    await end();
    world.up = true;
    sent.length = 0;
    const kept = speech.kept;
    if (!kept) throw new Error("nothing is kept");
    speech.reconnected(false);
    speech.repeat(kept, "u1", false);
    expect(sent).toEqual([start(0, "u1"), 1, 2, stop("u1")]);
    sent.length = 0;
    speech.reconnected(true);
    speech.repeat(kept, "u1", true);
    expect(sent).toEqual([start(0, "u1"), 1, 2, stop("u1")]);
    await speech.begin("u2");
    say(1);
    expect(sent.slice(-2)).toEqual([start(1280, "u2"), 3]);
    await end();
  });

  it("sends the last seconds again when a hands-free conversation goes on after a break", async () => {
    const { speech, sent, world, say } = rig();
    await speech.stream();
    say(2);
    world.up = false;
    say(1);
    world.up = true;
    sent.length = 0;
    speech.reconnected(false);
    expect(sent).toEqual([start(0), 1, 2, 3]);
    say(1);
    expect(sent.at(-1)).toBe(4);
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
    speech.reconnected(true);
    expect(sent).toEqual([3]);
    await speech.close();
    expect(world.tracks).toBe(0);
  });

  it("begins another container after a break, or when the server could not read it", async () => {
    const { speech, world, say } = rig({ microphone: "webm" });
    await speech.stream();
    say(1);
    speech.reconnected(false);
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
