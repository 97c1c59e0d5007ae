import type { Link } from "../../protocol/linkMachine";
import type { Conversation } from "../../state/conversation";
import type { hindrance } from "../../state/notices";
import type { Microphone } from "../../state/speech";

type Hindrance = NonNullable<ReturnType<typeof hindrance>>;

/** What the page says that is going on. */
export type Phase =
  | "connecting"
  | "reconnecting"
  | "waiting"
  | "refused"
  | "loading"
  | "queued"
  | "opening"
  | "listening"
  | "transcribing"
  | "thinking"
  | "speaking"
  /** ready, but for what is away */
  | "answers"
  | "hearing"
  | "voice"
  | "idle";

/** What the page knows of what is going on. */
export interface Scene {
  link: Link;
  microphone: Microphone;
  conversation: Conversation;
  handsFree: boolean;
  /** an answer is being played */
  speaking: boolean;
  /** it stands still because somebody talks */
  givingWay: boolean;
  hindered: Hindrance | null;
}

/**
 * The one thing that matters most of what link, microphone and server say.
 *
 * What the person does comes before what the server says, and before the answer.
 */
export function phaseOf(scene: Scene): Phase {
  const { link, microphone, conversation, speaking, hindered } = scene;
  if (microphone.phase === "opening") return "opening";
  if (link.phase === "waiting" || link.phase === "refused") return link.phase;
  if (link.phase !== "ready") return opening(link, conversation);
  if (isTalking(scene)) return "listening";
  if (speaking) return "speaking";
  const { state } = conversation;
  const busy = state === "transcribing" || state === "thinking" || state === "speaking";
  if (microphone.phase !== "off" && !busy) return "listening";
  return state === "listening" || state === "idle" ? (hindered ?? "idle") : state;
}

/** Whether the person talks: holds the button, or in hands-free says words that have no end yet. */
function isTalking({ microphone, conversation, handsFree, givingWay }: Scene): boolean {
  if (microphone.phase !== "on") return false;
  if (!handsFree || givingWay) return true;
  const last = conversation.turns.at(-1);
  if (!last?.turnId || last.typed || last.earlier) return false;
  return conversation.state !== "transcribing" && !last.userFinal && !last.done && !last.failure;
}

function opening(link: Link, { position }: Conversation): Phase {
  if (position) return "queued";
  return link.attempt > 0 && link.thread ? "reconnecting" : "connecting";
}
