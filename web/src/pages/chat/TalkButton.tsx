import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { Icon } from "../../components/Icon";
import { useChat, useSettings } from "../../state/context";
import { useStore } from "../../state/store";
import type { Press } from "./pressGesture";
import styles from "./TalkButton.module.css";
import { useHoldToTalk } from "./useHoldToTalk";

/** The microphone: held to talk, or in hands-free the ear that can be closed. */
export function TalkButton({ onPress }: Properties) {
  const [{ handsFree }] = useSettings();
  return handsFree ? <Ear /> : <Hold onPress={onPress} />;
}

interface Properties {
  /** How the button is pressed, for the hint beside it. */
  onPress(press: Press["kind"]): void;
}

function Hold({ onPress }: Properties) {
  const { t } = useTranslation();
  const chat = useChat();
  const { phase } = useStore(chat.speech.microphone);
  const { state, button, reset } = useHoldToTalk(
    true,
    () => void chat.startTalking(),
    () => void chat.stopTalking(),
  );
  const open = phase === "on" || phase === "opening";
  const down = state.kind === "held" || state.kind === "latched";

  useEffect(() => {
    if (phase === "off") reset();
  }, [phase, reset]);

  useEffect(() => {
    onPress(state.kind);
    return () => onPress("idle");
  }, [state.kind, onPress]);

  const label = state.kind === "latched" ? "tapStop" : down ? "release" : "hold";
  return (
    <button
      type="button"
      data-talk
      data-open={open}
      className={styles.talk}
      aria-pressed={open}
      aria-label={t(`dock.${label}`)}
      aria-describedby="talk-hint"
      onContextMenu={(event) => event.preventDefault()}
      {...button}
    >
      <Icon name="microphone" size={28} />
    </button>
  );
}

function Ear() {
  const { t } = useTranslation();
  const chat = useChat();
  const { phase } = useStore(chat.speech.microphone);
  const open = phase !== "off";
  const label = t(open ? "dock.pauseListening" : "dock.startListening");
  return (
    <button
      type="button"
      data-open={open}
      className={styles.talk}
      aria-pressed={open}
      aria-label={label}
      title={label}
      onClick={() => void chat.listen(!open)}
    >
      <Icon name="microphone" size={28} />
    </button>
  );
}
