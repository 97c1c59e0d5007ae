import { QueuePlayer } from "../audio/player";
import type { ClientMessage, ServerMessage, Session } from "../contract/generated";
import { ChatSocket } from "../protocol/chatSocket";
import { IDLE_LINK, type Link, type Opening } from "../protocol/linkMachine";
import {
  type Conversation,
  type ConversationEvent,
  countSound,
  EMPTY,
  reduce,
  type Turn,
  turnOf,
} from "./conversation";
import type { ChatOutside } from "./outside";
import { Replay } from "./replay";
import { Resending, spokenSoFar, toSend } from "./resending";
import { configurationOf, type Settings } from "./settings";
import { type Reply, Sound } from "./sound";
import { Speech } from "./speech";
import { Store } from "./store";
import { TabThread } from "./tabThread";
import { asResume, type HeardReply, type KeptThread } from "./thread";
import { heardSoFar } from "./turn";

/** One conversation: the socket, the microphone and the loudspeaker brought together. */
export class Chat {
  readonly conversation = new Store<Conversation>(EMPTY);
  readonly link = new Store<Link>(IDLE_LINK);
  readonly speaking = new Store(false);
  /** the answer stands still: the person may be talking over it */
  readonly givingWay = new Store(false);
  readonly soundBlocked = new Store(false);
  /** for the picture, read at each frame of the screen; not worth drawing the page again */
  readonly levels = { input: 0, output: 0 };
  readonly speech: Speech;
  readonly replay: Replay;
  readonly #socket: ChatSocket;
  readonly #sound: Sound;
  readonly #resending: Resending;
  readonly #thread: TabThread;
  /** counts conversations: what was begun for an older one is dropped when it comes */
  #begun = 0;
  #starting = false;
  #session: Session | null = null;
  /** the conversation that the microphone's samples are counted in */
  #counted: string | null = null;
  /** what was said while nobody listened and still holds afterwards */
  #unsaid: ClientMessage[] = [];

  constructor(
    private readonly settings: Store<Settings>,
    private readonly outside: ChatOutside,
  ) {
    this.#socket = new ChatSocket(
      {
        onMessage: (message) => this.#receive(message),
        onNotices: (notices) => this.#apply({ type: "local_notices", notices }),
        onFrame: (frame) => this.#sound.takeFrame(frame),
        onLink: (link) => this.#linked(link),
        onReady: (opening) => this.#ready(opening),
        configuration: () => configurationOf(this.settings.get(), this.outside.source.can),
        heardAtBreak: () => this.#heardAtBreak(),
      },
      outside.connect,
    );
    this.#sound = this.#makeSound();
    this.speech = new Speech(
      this.#socket,
      {
        onBegun: ({ key }) => this.#addTurn(key, null),
        onDropped: (key) => this.#apply({ type: "local_drop", key }),
        onLevel: (level) => {
          this.levels.input = level;
        },
      },
      settings.get,
      outside.source,
    );
    this.#resending = new Resending(
      () => this.conversation.get().turns,
      (turn) => this.#sendTurn(turn),
    );
    this.#thread = new TabThread(outside, (turns) => this.#apply({ type: "local_stored", turns }));
    this.replay = new Replay(outside.newAudio, this.speech, settings.get);
    settings.watch(() => this.#reconfigure());
  }

  /** Open the conversation that this tab was in before a reload, or a new one. */
  connect(): void {
    if (this.link.get().phase !== "stopped" || this.#starting) return;
    const kept = this.#thread.remembered();
    if (kept) void this.#goOn(kept, false);
    else this.#socket.start();
  }

  reconnect(): void {
    this.#socket.retry();
  }

  /** The network or the screen is back: there is no sense in waiting any longer. */
  wake(): void {
    if (this.link.get().phase === "waiting") this.#socket.retry();
  }

  /** Go on with an old conversation, which `token` opens. */
  resume(sessionId: string, token: string): void {
    this.#leave();
    void this.#goOn({ sessionId, token, said: true, heard: null }, true);
  }

  /** Leave this conversation and begin another. */
  renew(): void {
    this.#leave();
    this.#socket.start();
  }

  async startTalking(): Promise<void> {
    void this.unlock();
    this.replay.stop(false);
    this.#interruptReply();
    await this.speech.begin(this.outside.newId());
  }

  async stopTalking(): Promise<void> {
    await this.speech.end();
  }

  /** Listen all the time, or stop doing so. */
  async listen(on: boolean): Promise<void> {
    if (!on) return this.speech.stopStreaming();
    this.replay.stop(false);
    void this.unlock();
    await this.speech.stream();
    // After a reload nobody has touched the page: browsers let it sound once it listens.
    void this.unlock();
  }

  sendText(text: string): void {
    const trimmed = text.trim();
    if (!trimmed) return;
    void this.unlock();
    this.replay.stop();
    this.#interruptReply();
    const key = this.outside.newId();
    this.#addTurn(key, trimmed);
    this.#enqueue(key);
  }

  /** Play the stored answer at `url` again, alone. */
  async playAgain(url: string): Promise<void> {
    this.#interruptReply();
    await this.replay.play(url);
  }

  /** Stop the answer that is being spoken, or played again. */
  interrupt(): void {
    if (this.replay.playing.get() !== null) return this.replay.stop();
    if (this.#sound.playing) return this.#interruptReply();
    const turn = this.conversation.get().turns.findLast((t) => t.turnId && !t.done);
    if (!turn?.turnId) return;
    const { turnId: turn_id, revision } = turn;
    this.#sound.cut({ turnId: turn_id, revision });
    this.#insist({ type: "interrupt", turn_id, revision, played_ms: 0 });
  }

  /** The recogniser was wrong: have `text` answered instead. */
  edit(turn: Turn, text: string): void {
    if (!turn.turnId || !text.trim()) return;
    const revision = turn.revision + 1;
    this.#sound.cut({ turnId: turn.turnId, revision: turn.revision });
    this.#apply({ type: "local_edit", turnId: turn.turnId, text: text.trim() });
    this.#insist({ type: "edit_transcription", turn_id: turn.turnId, revision, text: text.trim() });
  }

  /**
   * Do a failed turn again. One that was understood stays one turn, at its next revision; one that
   * the server never had goes again under its key; of one that was not understood the sound goes.
   */
  retry(turn: Turn): void {
    if (turn.userText && turn.turnId && !turn.earlier) return this.edit(turn, turn.userText);
    if (turn.userText && !turn.turnId) {
      this.#apply({ type: "local_again", key: turn.key });
      return this.#enqueue(turn.key);
    }
    if (turn.userText) return this.sendText(turn.userText);
    const kept = this.speech.kept(turn.key);
    if (!kept) return;
    const key = this.outside.newId();
    this.#addTurn(key, null);
    this.speech.copy(kept, key);
    this.#enqueue(key);
  }

  /** The person has read what failed and what was noticed. */
  dismiss(): void {
    this.#apply({ type: "local_dismiss" });
  }

  async unlock(): Promise<void> {
    this.#sound.player.setMuted(this.settings.get().muted);
    await this.#sound.player.unlock();
  }

  #makeSound(): Sound {
    return new Sound(
      {
        onHeard: (reply, ms) => this.#heard(reply, ms),
        onSpeaking: (speaking) => {
          if (speaking) this.replay.stop();
          this.speaking.set(speaking);
        },
        onGivingWay: this.givingWay.set,
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

  /** Send `message` now, or when the conversation goes on. */
  #insist(message: ClientMessage): void {
    if (!this.#send(message)) this.#unsaid.push(message);
  }

  #linked(link: Link): void {
    const before = this.link.get().phase;
    this.link.set(link);
    if (link.phase !== "ready") this.#resending.stop();
    if (link.phase === "waiting" || link.phase === "refused") this.#sound.hold(false);
    if (link.phase === "waiting" && before === "connecting") this.outside.onRefused();
  }

  #receive(message: ServerMessage): void {
    if (message.type === "session") this.#session = message;
    if (message.type === "accepted") this.#beforeAccepted(message.turn_id, message.revision);
    this.#apply(message);
    if (message.type === "error") this.speech.failed(message.code);
    if (message.type === "audio_response") this.#sound.takeMessage(message);
    if (message.type === "playback_control") this.#sound.control(message);
    if (message.type === "turn_done") this.#done(message.turn_id);
    if (message.type === "notice" && message.code === "ENGINE_BACK") void this.#thread.readAgain();
    this.#resending.go();
  }

  /** A turn that is told again sounds from where it was heard; what was queued of it goes. */
  #beforeAccepted(turnId: string, revision: number): void {
    this.#thread.keepSaid();
    const turn = turnOf(this.conversation.get(), turnId);
    if (turn?.stale && revision >= turn.revision) this.#sound.restart({ turnId, revision });
  }

  #done(turnId: string): void {
    const turn = turnOf(this.conversation.get(), turnId);
    if (!turn) return;
    this.speech.settle(turn.key);
    this.speech.confirm(turn.offset);
  }

  #heard(reply: Reply, ms: number): void {
    const { turnId, revision } = reply;
    const played = this.#origin(reply) + ms;
    this.#apply({ type: "local_played", turnId, ms: played });
    this.#send({ type: "playback", turn_id: turnId, revision, played_ms: Math.round(played) });
    this.#thread.keepHeard(this.#heardReply());
  }

  /** Where in the answer the sound begins that this page has of it, ms. */
  #origin({ turnId }: Reply): number {
    return turnOf(this.conversation.get(), turnId)?.origin.ms ?? 0;
  }

  /** The person speaks or types over the reply: silence at once, and the server is told where. */
  #interruptReply(): void {
    const reply = this.#sound.playing;
    if (!reply) return;
    const played_ms = Math.round(this.#origin(reply) + this.#sound.playedMs);
    const { turnId: turn_id, revision } = reply;
    this.#sound.cut(reply);
    this.#insist({ type: "interrupt", turn_id, revision, played_ms });
  }

  /** Show a turn that begins: typed, or spoken and not yet understood. */
  #addTurn(key: string, text: string | null): void {
    const at = this.outside.now();
    this.#apply({ type: "local_turn", key, typed: text !== null, text: text ?? "", at });
  }

  #reconfigure(): void {
    this.#send({
      type: "configure",
      ...configurationOf(this.settings.get(), this.outside.source.can),
    });
    this.#sound.setMuted(this.settings.get().muted);
    this.replay.obey();
  }

  #leave(): void {
    this.#begun++;
    this.#starting = false;
    this.replay.stop();
    this.#unsaid = [];
    this.#sound.cut(null);
    this.#thread.keep(null);
    this.#apply({ type: "local_new" });
    this.#socket.stop();
  }

  /** Show what the store has of `kept`'s conversation, and open it again. */
  async #goOn(kept: KeptThread, taken: boolean): Promise<void> {
    const mine = this.#begun;
    this.#starting = true;
    const { sessionId, token } = kept;
    const owned = (await this.#thread.claim(sessionId)) || taken;
    if (mine !== this.#begun) return;
    this.#thread.keep(owned ? kept : null);
    await this.#thread.read();
    if (mine !== this.#begun) return;
    this.#starting = false;
    if (owned) this.#socket.start({ sessionId, token, lastSeq: 0 });
    else this.#socket.start();
  }

  #heardReply(): HeardReply | null {
    const heard = this.#sound.heard;
    if (!heard) return this.#thread.kept?.heard ?? null;
    const { turnId, revision } = heard.reply;
    const turn = turnOf(this.conversation.get(), turnId);
    const playedMs = this.#origin(heard.reply) + heard.ms;
    return { turnId, revision, playedMs, text: turn ? heardSoFar({ ...turn, playedMs }) : "" };
  }

  /** The loudspeaker holds still, so that what it plays is what the server is told. */
  #heardAtBreak() {
    this.#sound.hold(true);
    this.#thread.keepHeard(this.#heardReply());
    return asResume(this.#thread.kept?.heard ?? null);
  }

  /** Go on where the break was: what the server can't have is sent again under its own id. */
  #ready(opening: Opening): void {
    const session = this.#session;
    if (!session) return;
    const { session_id: sessionId, resume_token: token } = session;
    const before = this.#thread.kept;
    const unread = this.#thread.unread;
    const goesOn = opening === "same" || opening === "anew";
    const heard = goesOn ? (before?.heard ?? null) : null;
    this.#thread.keep({ sessionId, token, said: goesOn && before?.said === true, heard });
    void this.#thread.claim(sessionId);
    // The last turn before a reload may still have been on its way to the store.
    if (goesOn && this.#counted !== sessionId) void this.#thread.read();
    const { turns } = this.conversation.get();
    const anew = opening === "lost" || this.#counted !== sessionId;
    this.#counted = sessionId;
    this.speech.reconnected({ offset: session.offset, anew, ...spokenSoFar(turns) });
    const unsaid = this.#unsaid.splice(0);
    if (goesOn) for (const message of unsaid) this.#insist(message);
    const again = toSend(turns, opening, (key) => this.speech.kept(key) !== null);
    if (opening === "anew") this.#apply({ type: "local_anew", heard });
    if (opening === "lost") this.#lose(before?.sessionId ?? null, again, unread);
    this.#sound.hold(false);
    this.#resending.start(again);
  }

  #lose(sessionId: string | null, again: readonly string[], unread: boolean): void {
    this.#sound.cut(null);
    const told = unread || this.conversation.get().turns.length > again.length;
    this.#apply({ type: "local_lost", sessionId, again, told });
  }

  #enqueue(key: string): void {
    if (this.link.get().phase === "ready") this.#resending.add(key);
  }

  /** Send a turn that the server has not taken; false where there is nothing to send. */
  #sendTurn(turn: Turn): boolean {
    const kept = this.speech.kept(turn.key);
    if (turn.userFinal) {
      return this.#send({ type: "text", utterance_id: turn.key, text: turn.userText });
    }
    if (kept) this.speech.repeat(kept);
    return kept !== null;
  }
}
