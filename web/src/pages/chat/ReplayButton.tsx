import { useTranslation } from "react-i18next";
import { Icon } from "../../components/Icon";
import { useChat } from "../../state/context";
import { useStore } from "../../state/store";
import styles from "./Timings.module.css";

/** Hear a stored answer again. */
export function ReplayButton({ url }: { url: string }) {
  const { t } = useTranslation();
  const chat = useChat();
  const playing = useStore(chat.replay.playing) === url;
  return (
    <button
      type="button"
      className={styles.small}
      onClick={() => (playing ? chat.interrupt() : void chat.playAgain(url))}
    >
      <Icon name={playing ? "stop" : "play"} size={14} />
      {t(playing ? "chat.stopReplay" : "chat.replay")}
    </button>
  );
}
