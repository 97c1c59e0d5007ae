import { fromPcm16 } from "../audio/pcm";
import type { Heard, Player, PlayerEvents } from "../audio/player";
import type { AudioResponse, PlaybackControl } from "../contract/generated";
import { type AudioFrame, fromBase64 } from "../protocol/binary";

/** An answer's sound: a turn at a revision. */
export interface Reply {
  turnId: string;
  revision: number;
}

export interface SoundEvents {
  /** How much of a reply was heard; to be told to the server. */
  onHeard(reply: Reply, ms: number, ended: boolean): void;
  onSpeaking(speaking: boolean): void;
  /** The server has the reply stand still, because somebody may be talking over it. */
  onGivingWay(givingWay: boolean): void;
  onFrame(reply: Reply, bytes: number, rate: number): void;
}

/** `playback` must come at least every 250 ms. */
const REPORT_MS = 200;

/** Brings the server's sound to the player, and what was heard back. */
export class Sound {
  #player: Player | null = null;
  #clause: { reply: Reply; rate: number } | null = null;
  #playing: Reply | null = null;
  #ended: { reply: Reply; ms: number } | null = null;
  /** the server wants a pause, and the page holds still while it asks what goes on */
  #paused = false;
  #held = false;
  readonly #cut = new Set<string>();
  #reports: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly events: SoundEvents,
    private readonly makePlayer: (events: Pick<PlayerEvents, "onHeard">) => Player,
  ) {}

  /** The player; the first call belongs in a click or a key, or browsers keep it silent. */
  get player(): Player {
    this.#player ??= this.makePlayer({ onHeard: (heard) => this.#heard(heard) });
    return this.#player;
  }

  /** The volume, once there is a player. */
  setMuted(muted: boolean): void {
    this.#player?.setMuted(muted);
  }

  /** The reply that is being heard. */
  get playing(): Reply | null {
    return this.#playing;
  }

  /** ms of the reply that is being heard. */
  get playedMs(): number {
    return this.#playing ? this.player.heardMs(keyOf(this.#playing)) : 0;
  }

  /** The reply that is being heard, or was heard last, and how much of it. */
  get heard(): { reply: Reply; ms: number } | null {
    return this.#playing ? { reply: this.#playing, ms: this.playedMs } : this.#ended;
  }

  /** Stand still until it is known whether the queue goes on or is told again. */
  hold(held: boolean): void {
    this.#held = held;
    this.#obey();
  }

  /** The reply comes again, from where it was heard: what is queued of it goes. */
  restart(reply: Reply): void {
    this.#clause = null;
    this.#pause(false);
    this.#ended = null;
    if (!this.#playing || keyOf(this.#playing) !== keyOf(reply)) return;
    this.#player?.flush();
    this.#rest();
  }

  takeMessage(message: AudioResponse): void {
    const reply = { turnId: message.turn_id, revision: message.revision };
    if (this.#cut.has(keyOf(reply))) return;
    if (message.is_final) {
      this.#clause = null;
      this.#begin(reply);
      this.player.end(keyOf(reply));
      return;
    }
    this.#clause = { reply, rate: message.sample_rate };
    if (message.data) this.#play(fromBase64(message.data));
  }

  takeFrame(frame: AudioFrame): void {
    const clause = this.#clause;
    if (!clause || this.#cut.has(keyOf(clause.reply))) return;
    this.events.onFrame(clause.reply, frame.pcm.byteLength, clause.rate);
    this.#play(frame.pcm);
  }

  control({ action, turn_id: turnId, revision }: PlaybackControl): void {
    if (action === "flush") return this.cut({ turnId, revision });
    this.#pause(action === "pause");
    this.#obey();
  }

  /** Silence now; what still comes of `reply` is not played. */
  cut(reply: Reply | null): void {
    const target = reply ?? this.#playing;
    if (!target) return;
    this.#cut.add(keyOf(target));
    if (this.#playing && keyOf(this.#playing) !== keyOf(target)) return;
    this.#pause(false);
    this.#player?.flush();
    this.#rest();
  }

  #pause(paused: boolean): void {
    this.#paused = paused;
    this.events.onGivingWay(paused);
  }

  #obey(): void {
    if (this.#paused) this.player.pause();
    else if (this.#held) this.#player?.pause();
    else this.#player?.resume();
  }

  #play(bytes: Uint8Array): void {
    const clause = this.#clause;
    if (!clause) return;
    this.#begin(clause.reply);
    this.player.push(keyOf(clause.reply), fromPcm16(bytes), clause.rate);
  }

  #begin(reply: Reply): void {
    if (this.#playing && keyOf(this.#playing) === keyOf(reply)) return;
    this.#playing = reply;
    clearInterval(this.#reports);
    this.#reports = setInterval(() => this.#report(false), REPORT_MS);
    this.events.onSpeaking(true);
  }

  #heard(heard: Heard): void {
    if (!heard.ended || !this.#playing || keyOf(this.#playing) !== heard.key) return;
    this.#report(true);
    this.#ended = { reply: this.#playing, ms: heard.ms };
    this.#rest();
  }

  #report(ended: boolean): void {
    if (this.#playing) this.events.onHeard(this.#playing, this.playedMs, ended);
  }

  #rest(): void {
    clearInterval(this.#reports);
    if (!this.#playing) return;
    this.#playing = null;
    this.events.onSpeaking(false);
  }
}

function keyOf({ turnId, revision }: Reply): string {
  return `${turnId}/${revision}`;
}
