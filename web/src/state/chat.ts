import { QueuePlayer } from "../audio/player";
import type { SpeechSource } from "../audio/source";
import type { ClientMessage, ErrorCode, ServerMessage } from "../contract/generated";
import { ChatSocket, type SocketLike } from "../protocol/chatSocket";
import { IDLE_LINK, type Link } from "../protocol/linkMachine";
import {
  type Conversation,
  type ConversationEvent,
  countSound,
  EMPTY,
  reduce,
  type Turn,
} from "./conversation";
import { configurationOf, type Settings } from "./settings";
import { type Reply, Sound } from "./sound";
import { Speech } from "./speech";
import { Store } from "./store";
import type { Utterance } from "./utterance";

/** Levels for the picture, read at each frame of the screen; not worth drawing the page again. */
export interface Levels {
  input: number;
  output: number;
}

/** What the conversation needs from outside; tests put in their own. */
export interface ChatOutside {
  connect(): SocketLike;
  readonly source: SpeechSource;
  newId(): string;
  now(): number;
  /** The socket could not be opened: find out whether a key is wanted (a socket can't say so). */
  onRefused(): void;
}

/** After these the rest of a push-to-talk utterance is dropped by the server. */
const DEAF: ReadonlySet<ErrorCode> = new Set([
  "BAD_AUDIO",
  "BUFFER_OVERFLOW",
  "TOO_MANY_CHUNKS",
  "AUDIO_TIMEOUT",
  "STT_UNAVAILABLE",
]);

/** One conversation: the socket, the microphone and the loudspeaker brought together. */
export class Chat {
  readonly conversation = new Store<Conversation>(EMPTY);
  readonly link = new Store<Link>(IDLE_LINK);
  readonly speaking = new Store(false);
  readonly soundBlocked = new Store(false);
  readonly levels: Levels = { input: 0, output: 0 };
  readonly speech: Speech;
  readonly #socket: ChatSocket;
  readonly #sound: Sound;

  constructor(
    private readonly settings: Store<Settings>,
    private readonly outside: ChatOutside,
  ) {
    this.#socket = new ChatSocket(
      {
        onMessage: (message) => this.#receive(message),
        onFrame: (frame) => this.#sound.takeFrame(frame),
        onLink: (link) => {
          this.link.set(link);
          if (link.phase === "waiting" && !link.thread) outside.onRefused();
        },
        onReady: (fresh) => this.#ready(fresh),
        configuration: () => this.#configuration(),
        heardAtBreak: () => this.#heardAtBreak(),
      },
      outside.connect,
    );
    this.#sound = this.#makeSound();
    this.speech = new Speech(
      this.#socket,
      {
        onBegun: (utterance) => this.#begun(utterance),
        onDropped: (key) => this.#apply({ type: "local_drop", key }),
        onLevel: (level) => {
          this.levels.input = level;
        },
      },
      settings.get,
      outside.source,
    );
    settings.watch(() => this.#reconfigure());
  }

  connect(): void {
    if (this.link.get().phase === "stopped") this.#socket.start();
  }

  reconnect(): void {
    this.#socket.retry();
  }

  async startTalking(): Promise<void> {
    void this.unlock();
    this.#interruptReply();
    await this.speech.begin(this.outside.newId());
  }

  async stopTalking(): Promise<void> {
    await this.speech.end();
  }

  /** Listen all the time, or stop doing so. */
  async listen(on: boolean): Promise<void> {
    if (!on) return this.speech.stopStreaming();
    void this.unlock();
    await this.speech.stream();
  }

  sendText(text: string): void {
    const trimmed = text.trim();
    if (!trimmed) return;
    void this.unlock();
    this.#interruptReply();
    const key = this.outside.newId();
    this.#apply({ type: "local_turn", key, typed: true, text: trimmed, at: this.outside.now() });
    this.#send({ type: "text", utterance_id: key, text: trimmed });
  }

  /** Stop the reply that is being spoken. */
  interrupt(): void {
    if (this.#sound.playing) return this.#interruptReply();
    const turn = this.conversation.get().turns.findLast((t) => t.turnId && !t.done);
    if (!turn?.turnId) return;
    const { turnId: turn_id, revision } = turn;
    this.#sound.cut({ turnId: turn_id, revision });
    this.#send({ type: "interrupt", turn_id, revision, played_ms: 0 });
  }

  /** The recogniser was wrong: have `text` answered instead. */
  edit(turn: Turn, text: string): void {
    if (!turn.turnId || !text.trim()) return;
    const revision = turn.revision + 1;
    this.#sound.cut({ turnId: turn.turnId, revision: turn.revision });
    this.#send({ type: "edit_transcription", turn_id: turn.turnId, revision, text: text.trim() });
    this.#apply({ type: "local_edit", turnId: turn.turnId, text: text.trim() });
  }

  /** Do a failed turn again: what was understood is sent as text, else the sound once more. */
  retry(turn: Turn): void {
    const kept = this.speech.kept;
    if (turn.userText) return this.sendText(turn.userText);
    if (kept?.key !== turn.key) return;
    const key = this.outside.newId();
    this.#apply({ type: "local_turn", key, typed: false, text: "", at: this.outside.now() });
    this.speech.repeat(kept, key, true);
  }

  /** The person has read what failed and what was noticed. */
  dismiss(): void {
    this.#apply({ type: "local_dismiss" });
  }

  /** Leave this conversation and begin another. */
  renew(): void {
    this.#sound.cut(null);
    this.#apply({ type: "local_new" });
    this.#socket.renew();
  }

  async unlock(): Promise<void> {
    this.#sound.player.setMuted(this.settings.get().muted);
    await this.#sound.player.unlock();
  }

  #makeSound(): Sound {
    return new Sound(
      {
        onHeard: (reply, ms) => this.#heard(reply, ms),
        onSpeaking: (speaking) => this.speaking.set(speaking),
        onFrame: ({ turnId }, bytes, rate) =>
          this.conversation.update((was) => countSound(was, turnId, bytes, rate)),
      },
      ({ onHeard }) =>
        new QueuePlayer({
          onHeard,
          onLevel: (level) => {
            this.levels.output = level;
          },
          onBlocked: (blocked) => this.soundBlocked.set(blocked && this.speaking.get()),
        }),
    );
  }

  #apply(event: ConversationEvent): void {
    this.conversation.update((was) => reduce(was, event, this.outside.now()));
  }

  #send(message: ClientMessage): boolean {
    return this.#socket.send(message);
  }

  #receive(message: ServerMessage): void {
    this.#apply(message);
    if (message.type === "error") this.#speechFailed(message.code);
    if (message.type === "audio_response") this.#sound.takeMessage(message);
    if (message.type === "playback_control") this.#sound.control(message);
  }

  #speechFailed(code: ErrorCode): void {
    if (code === "BAD_AUDIO") this.speech.unreadable();
    if (DEAF.has(code)) void this.speech.abort();
  }

  #heard({ turnId, revision }: Reply, ms: number): void {
    this.#apply({ type: "local_played", turnId, ms });
    this.#send({ type: "playback", turn_id: turnId, revision, played_ms: Math.round(ms) });
  }

  /** The person speaks or types over the reply: silence at once, and the server is told where. */
  #interruptReply(): void {
    const reply = this.#sound.playing;
    if (!reply) return;
    const played_ms = Math.round(this.#sound.playedMs);
    const { turnId: turn_id, revision } = reply;
    this.#sound.cut(reply);
    this.#send({ type: "interrupt", turn_id, revision, played_ms });
  }

  #begun(utterance: Utterance): void {
    const { key } = utterance;
    this.#apply({ type: "local_turn", key, typed: false, text: "", at: this.outside.now() });
  }

  #reconfigure(): void {
    this.#send({ type: "configure", ...this.#configuration() });
    this.#sound.setMuted(this.settings.get().muted);
  }

  /** What is asked of the server: the settings, as far as this browser can. */
  #configuration() {
    const settings = this.settings.get();
    const { microphone } = settings;
    const can = this.outside.source.can(microphone);
    return configurationOf({ ...settings, microphone: can ? microphone : "pcm" });
  }

  #heardAtBreak() {
    const reply = this.#sound.playing;
    if (!reply) return {};
    const played_ms = Math.round(this.#sound.playedMs);
    return { turn_id: reply.turnId, revision: reply.revision, played_ms };
  }

  /** Go on where the break was: what the server can't have is sent again under its own id. */
  #ready(fresh: boolean): void {
    this.speech.reconnected(fresh);
    if (fresh) this.#sound.cut(null);
    const unanswered = this.conversation.get().turns.filter((t) => !t.done && !t.failure);
    for (const turn of unanswered) this.#again(turn, fresh);
    if (fresh) this.#apply({ type: "local_lost" });
  }

  #again(turn: Turn, fresh: boolean): void {
    if (turn.answer || (turn.turnId && !fresh && turn.userFinal)) return;
    const kept = this.speech.kept;
    if (turn.userFinal) this.#send({ type: "text", utterance_id: turn.key, text: turn.userText });
    else if (kept?.key === turn.key) this.speech.repeat(kept, kept.key, fresh);
  }
}
