import { browserSource } from "../audio/source";
import type { ConversationView, TurnView } from "../contract/generated";
import { Chat } from "../state/chat";
import { type Locale, settingsStore } from "../state/settings";
import type { KeptThread } from "../state/thread";
import { FakeAudio, FakeSocket } from "./fakes";

/** A store of settings that is empty, and stays so. */
const NO_STORAGE = { getItem: () => null, setItem: () => undefined } as unknown as Storage;

export interface Outside {
  kept?: KeptThread;
  /** the conversation is another tab's */
  copied?: boolean;
  /** what the store answers; an Error: it is away */
  stored?: ConversationView | Error | null;
  storage?: Storage;
  locale?: Locale;
}

/** A conversation on sockets whose other end is the test. */
export function chatRig({ kept, copied, stored = null, storage, locale = "en" }: Outside = {}) {
  const sockets: FakeSocket[] = [];
  const audios: FakeAudio[] = [];
  const world = { kept: kept ?? null, stored, reads: [] as string[] };
  const settings = settingsStore(storage ?? NO_STORAGE, [locale]);
  let ids = 0;
  const chat = new Chat(settings, {
    connect: () => {
      sockets.push(new FakeSocket());
      return sockets.at(-1) as FakeSocket;
    },
    source: browserSource,
    newAudio: () => {
      audios.push(new FakeAudio());
      return audios.at(-1) as FakeAudio;
    },
    memory: {
      read: () => world.kept,
      write: (value) => {
        world.kept = value;
      },
      claim: async () => !copied,
      leave: () => undefined,
    },
    readConversation: async (sessionId) => {
      world.reads.push(sessionId);
      if (world.stored instanceof Error) throw world.stored;
      return world.stored;
    },
    newId: () => `u${++ids}`,
    now: () => 0,
    onRefused: () => undefined,
  });
  const socket = () => sockets.at(-1) as FakeSocket;
  return { chat, settings, sockets, socket, audios, world };
}

/** A turn as the store has it. */
export function stored(turn: Partial<TurnView> = {}): TurnView {
  return {
    session_id: "s1",
    turn_id: "t1",
    utterance_id: "u1",
    turn_number: 1,
    revision: 0,
    state: "closed",
    typed: true,
    user_text: "My name is Ada.",
    ai_text: "Nice to meet you, Ada.",
    heard_text: "Nice to meet you, Ada.",
    interrupted: false,
    mode: "fast",
    timings: {},
    created_at: "2026-01-02T03:04:05Z",
    ...turn,
  };
}

export function view(...turns: TurnView[]): ConversationView {
  return { id: "s1", title: "", created_at: "2026-01-02T03:04:05Z", duration_ms: 0, turns };
}

/** Sound is the browser tests' business; here an AudioContext only has to be there. */
export class SilentContext {
  state = "running";
  sampleRate = 48_000;
  currentTime = 0;
  destination = {};
  audioWorklet = { addModule: () => new Promise(() => undefined) };
  createGain = () => ({ gain: { setTargetAtTime: () => undefined }, connect: () => undefined });
  resume = async () => undefined;
  close = async () => undefined;
}
