import type { Stage } from "../contract/generated";
import type { Settings } from "./settings";

/** What a person loses when a part of the server is away. */
export type Loss = "answers" | "hearing" | "voice" | "store";

const LOSSES: readonly [Loss, (stage: Stage, mode: Settings["ttsMode"]) => boolean][] = [
  ["answers", (stage) => stage === "llm"],
  ["hearing", (stage) => stage === "stt"],
  ["voice", (stage, mode) => stage === `tts_${mode}`],
  ["store", (stage) => stage === "profile"],
];

/** What doesn't work while `away` are away, the gravest first; a voice that isn't used is no loss. */
export function lossesOf(away: readonly Stage[], mode: Settings["ttsMode"]): Loss[] {
  return LOSSES.filter(([, is]) => away.some((stage) => is(stage, mode))).map(([loss]) => loss);
}

/** The first loss that keeps a turn from being what it should be; the store's is none of them. */
export function hindrance(losses: readonly Loss[]): Exclude<Loss, "store"> | null {
  return losses.find((loss) => loss !== "store") ?? null;
}
