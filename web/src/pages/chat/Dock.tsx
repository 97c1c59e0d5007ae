import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Icon } from "../../components/Icon";
import { useEscape } from "../../components/useEscape";
import { useChat, useSettings } from "../../state/context";
import { useStore } from "../../state/store";
import { Composer } from "./Composer";
import styles from "./Dock.module.css";
import { Horizon } from "./Horizon";
import type { Phase } from "./phase";
import type { Press } from "./pressGesture";
import { StatusLine } from "./StatusLine";
import { TalkButton } from "./TalkButton";

/** What one talks with: the line, the button, the switch, the field. */
export function Dock({ phase }: { phase: Phase }) {
  const { t } = useTranslation();
  const chat = useChat();
  const [settings, change] = useSettings();
  const microphone = useStore(chat.speech.microphone);
  const answer = useStore(chat.speaking);
  const replay = useStore(chat.replay.playing);
  const speaking = answer || replay !== null;
  const blocked = useStore(chat.soundBlocked);

  const [press, setPress] = useState<Press["kind"]>("idle");

  useEscape(() => chat.interrupt());
  const listening = phase === "listening";
  const talking = listening || (microphone.phase !== "off" && !speaking);
  const answering = (speaking && !listening) || phase === "thinking" || phase === "speaking";
  return (
    <section className={styles.dock} data-phase={phase} aria-label={t("chat.title")}>
      <Horizon
        active={microphone.phase !== "off" || speaking}
        voice={talking ? "person" : "assistant"}
      />
      <StatusLine phase={phase} press={press} />
      {blocked && (
        <p className={styles.blocked}>
          {t("dock.soundBlocked")}
          <button type="button" className="button quiet" onClick={() => void chat.unlock()}>
            {t("dock.allowSound")}
          </button>
        </p>
      )}
      <div className={styles.controls}>
        <button
          type="button"
          role="switch"
          aria-checked={settings.handsFree}
          className={styles.switch}
          onClick={() => change({ handsFree: !settings.handsFree })}
        >
          <span className={styles.track} />
          {t("dock.handsFree")}
        </button>
        <TalkButton onPress={setPress} />
        <div className={styles.right}>
          {answering && (
            <button
              type="button"
              className="button"
              aria-keyshortcuts="Escape"
              onClick={() => chat.interrupt()}
            >
              <Icon name="stop" size={18} />
              <span className={styles.wide}>{t("dock.stop")}</span>
            </button>
          )}
          <button
            type="button"
            className="icon-button"
            aria-pressed={settings.muted}
            aria-label={t(settings.muted ? "dock.unmute" : "dock.mute")}
            title={t(settings.muted ? "dock.unmute" : "dock.mute")}
            onClick={() => change({ muted: !settings.muted })}
          >
            <Icon name={settings.muted ? "muted" : "volume"} />
          </button>
        </div>
      </div>
      <Composer />
    </section>
  );
}
