import type { Settings } from "./settings";
import type { Speech } from "./speech";
import { Store } from "./store";

/** What a replay needs of an audio element. */
export interface ReplayAudio extends Pick<HTMLAudioElement, "src" | "muted" | "play" | "pause"> {
  addEventListener(type: "ended" | "error", listener: () => void): void;
}

/** The microphone that it must not be heard by. */
type ReplaySpeech = Pick<Speech, "microphone" | "streaming" | "stream" | "stopStreaming" | "end">;

/** Plays stored answers again, one at a time and never into an open microphone. */
export class Replay {
  /** address of what is being played */
  readonly playing = new Store<string | null>(null);
  #audio: ReplayAudio | null = null;
  /** hands-free goes on when the replay is over */
  #listenAfter = false;

  constructor(
    private readonly newAudio: () => ReplayAudio,
    private readonly speech: ReplaySpeech,
    private readonly settings: () => Settings,
  ) {}

  /** Play what is at `url`. It begins at once where the microphone is off: Safari wants that. */
  async play(url: string): Promise<void> {
    this.#silence();
    this.playing.set(url);
    if (this.speech.streaming) {
      this.#listenAfter = true;
      await this.speech.stopStreaming();
    } else if (this.speech.microphone.get().phase !== "off") await this.speech.end();
    if (this.playing.get() !== url) return;
    const audio = this.newAudio();
    this.#audio = audio;
    const ended = () => {
      if (this.#audio === audio) this.stop();
    };
    audio.src = url;
    audio.muted = this.settings().muted;
    audio.addEventListener("ended", ended);
    audio.addEventListener("error", ended);
    audio.play().catch(ended);
  }

  /** End it. In hands-free the microphone opens again, unless `listen` is false. */
  stop(listen = true): void {
    if (this.playing.get() === null) return;
    this.#silence();
    this.playing.set(null);
    const again = listen && this.#listenAfter && this.settings().handsFree;
    this.#listenAfter = false;
    if (again) void this.speech.stream();
  }

  /** What was chosen may have changed. */
  obey(): void {
    if (this.#audio) this.#audio.muted = this.settings().muted;
  }

  #silence(): void {
    const audio = this.#audio;
    this.#audio = null;
    audio?.pause();
  }
}
