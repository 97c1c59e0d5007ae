import { useTranslation } from "react-i18next";
import type { Link } from "../../protocol/linkMachine";
import { useChat, useSettings } from "../../state/context";
import { useStore } from "../../state/store";
import { isTouched } from "../../theme/touch";
import type { Phase } from "./phase";
import type { Press } from "./pressGesture";
import styles from "./StatusLine.module.css";

/** In a few words what is going on; read out by screen readers when it changes. */
export function StatusLine({ phase, press }: { phase: Phase; press: Press["kind"] }) {
  const { t } = useTranslation();
  const chat = useChat();
  const [{ handsFree }] = useSettings();
  const { phase: ear } = useStore(chat.speech.microphone);
  const ears = ear === "off" ? "dock.hintHandsFreeOff" : "dock.hintHandsFree";
  const offline = phase === "waiting" || phase === "refused";
  return (
    <div className={styles.status}>
      <p className={styles.line} data-phase={phase}>
        <span className={styles.dot} aria-hidden="true" />
        <span role="status">{usePhaseWords(phase)}</span>
        {offline && (
          <button type="button" className={styles.again} onClick={() => chat.reconnect()}>
            {t("state.reconnect")}
          </button>
        )}
      </p>
      <p id="talk-hint" className={styles.hint}>
        {t(handsFree ? ears : HINTS[press])}{" "}
        {!isTouched() && (
          <span id="talk-keys">{t(handsFree ? "dock.keysHandsFree" : "dock.keys")}</span>
        )}
      </p>
    </div>
  );
}

/** What the next movement of the finger does. */
const HINTS = {
  idle: "dock.hint",
  held: "dock.release",
  latched: "dock.tapStop",
  ending: "dock.hint",
} as const;

/** Why one waits; a wait of under a second is not worth counting. */
function waitingWords({ reason, delayMs }: Link) {
  if (reason === "PROFILE_UNAVAILABLE") return "state.notFetched";
  if (reason) return "state.later";
  return delayMs < 1000 ? "state.reconnecting" : "state.waiting";
}

function usePhaseWords(phase: Phase): string {
  const { t } = useTranslation();
  const chat = useChat();
  const { progress, position } = useStore(chat.conversation);
  const link = useStore(chat.link);
  if (phase === "waiting")
    return t(waitingWords(link), { seconds: Math.ceil(link.delayMs / 1000) });
  if (phase === "queued") return t("state.queued", { position: position ?? 1 });
  if (phase === "loading" && progress !== null) {
    return t("state.loadingProgress", { percent: Math.round(progress * 100) });
  }
  return t(`state.${phase}`);
}
