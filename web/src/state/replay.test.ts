import { describe, expect, it, vi } from "vitest";
import { FakeAudio } from "../test/fakes";
import { Replay } from "./replay";
import type { Settings } from "./settings";
import type { Microphone } from "./speech";
import { Store } from "./store";

/** A replay beside a microphone that is open or not. */
function rig({ streaming = false } = {}) {
  const audios: FakeAudio[] = [];
  const settings = { muted: false, handsFree: true };
  const listen = vi.fn(async () => undefined);
  const speech = {
    microphone: new Store<Microphone>({ phase: "off", problem: null }),
    streaming,
    stream: listen,
    stopStreaming: vi.fn(async () => undefined),
    end: vi.fn(async () => undefined),
  };
  const newAudio = () => {
    audios.push(new FakeAudio());
    return audios.at(-1) as FakeAudio;
  };
  const replay = new Replay(newAudio, speech, () => settings as Settings);
  return { replay, audios, settings, speech, listen };
}

describe("a replay", () => {
  it("is one at a time, and over at its end", async () => {
    const { replay, audios } = rig();
    await replay.play("/a");
    await replay.play("/b");
    expect(audios.map(({ src, playing }) => [src, playing])).toEqual([
      ["/a", false],
      ["/b", true],
    ]);
    audios[0]?.finish();
    expect(replay.playing.get()).toBe("/b");
    audios[1]?.finish();
    expect(replay.playing.get()).toBeNull();
  });

  it("is as mute as answers are, from the beginning and while it plays", async () => {
    const { replay, audios, settings } = rig();
    settings.muted = true;
    await replay.play("/a");
    expect(audios[0]?.muted).toBe(true);
    settings.muted = false;
    replay.obey();
    expect(audios[0]?.muted).toBe(false);
  });

  it("closes the open ear before it sounds, and opens it afterwards", async () => {
    const { replay, audios, speech, listen } = rig({ streaming: true });
    let closed: () => void = () => undefined;
    speech.stopStreaming.mockReturnValue(
      new Promise((resolve) => {
        closed = () => resolve(undefined);
      }),
    );
    const playing = replay.play("/a");
    expect(audios).toEqual([]);
    closed();
    await playing;
    expect(audios[0]?.playing).toBe(true);
    expect(listen).not.toHaveBeenCalled();
    audios[0]?.finish();
    expect(listen).toHaveBeenCalledOnce();
  });

  it("opens no ear that was closed before, nor one that was given up meanwhile", async () => {
    const closed = rig();
    await closed.replay.play("/a");
    closed.replay.stop();
    expect(closed.listen).not.toHaveBeenCalled();
    const off = rig({ streaming: true });
    await off.replay.play("/a");
    off.settings.handsFree = false;
    off.replay.stop();
    expect(off.listen).not.toHaveBeenCalled();
    const left = rig({ streaming: true });
    await left.replay.play("/a");
    left.replay.stop(false);
    expect(left.listen).not.toHaveBeenCalled();
  });

  it("does not begin when it was stopped while the microphone closed", async () => {
    const { replay, audios } = rig({ streaming: true });
    const playing = replay.play("/a");
    replay.stop();
    await playing;
    expect(audios).toEqual([]);
  });
});
