import type { SpeechSource } from "../audio/source";
import type { SocketLike } from "../protocol/chatSocket";
import type { ReplayAudio } from "./replay";
import type { TabThreadOutside } from "./tabThread";

/** What the conversation needs from outside; tests put in their own. */
export interface ChatOutside extends TabThreadOutside {
  connect(): SocketLike;
  readonly source: SpeechSource;
  /** What a stored answer is played with. */
  newAudio(): ReplayAudio;
  newId(): string;
  now(): number;
  /** The socket could not be opened: find out whether a key is wanted (a socket can't say so). */
  onRefused(): void;
}
