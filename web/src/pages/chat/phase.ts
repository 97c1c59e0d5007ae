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

/**
 * The one thing that matters most of what link, microphone and server say.
 *
 * What the person does comes before what the server says: an open microphone is always shown.
 */
export function phaseOf(
  link: Link,
  microphone: Microphone,
  conversation: Conversation,
  speaking: boolean,
  hindered: Hindrance | null = null,
): Phase {
  if (microphone.phase === "opening") return "opening";
  if (link.phase === "waiting" || link.phase === "refused") return link.phase;
  if (link.phase !== "ready") return opening(link, conversation);
  if (speaking) return "speaking";
  const { state } = conversation;
  const busy = state === "transcribing" || state === "thinking" || state === "speaking";
  if (microphone.phase !== "off" && !busy) return "listening";
  return state === "listening" || state === "idle" ? (hindered ?? "idle") : state;
}

function opening(link: Link, { position }: Conversation): Phase {
  if (position) return "queued";
  return link.attempt > 0 && link.thread ? "reconnecting" : "connecting";
}
