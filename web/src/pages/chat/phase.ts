import type { Link } from "../../protocol/linkMachine";
import type { Conversation } from "../../state/conversation";
import type { Microphone } from "../../state/speech";

/** What the page says that is going on. */
export type Phase =
  | "connecting"
  | "waiting"
  | "refused"
  | "loading"
  | "queued"
  | "opening"
  | "listening"
  | "transcribing"
  | "thinking"
  | "speaking"
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
): Phase {
  if (microphone.phase === "opening") return "opening";
  if (link.phase === "waiting" || link.phase === "refused") return link.phase;
  if (link.phase !== "ready") return conversation.position ? "queued" : "connecting";
  if (speaking) return "speaking";
  const { state } = conversation;
  const busy = state === "transcribing" || state === "thinking" || state === "speaking";
  if (microphone.phase !== "off" && !busy) return "listening";
  return state === "listening" ? "idle" : state;
}
