import { useTranslation } from "react-i18next";
import { useLocation } from "react-router";
import { useChat } from "../state/context";
import { useStore } from "../state/store";
import { Icon } from "./Icon";
import styles from "./Shell.module.css";
import { useEscape } from "./useEscape";

/** An answer goes on when one leaves Talk: this stops it from every other page, which Talk does itself. */
export function StopAnswer() {
  const { pathname } = useLocation();
  const speaking = useStore(useChat().speaking);
  return speaking && pathname !== "/chat" ? <StopButton /> : null;
}

function StopButton() {
  const { t } = useTranslation();
  const chat = useChat();
  useEscape(() => chat.interrupt());
  return (
    <button
      type="button"
      className={`button ${styles.stop}`}
      aria-keyshortcuts="Escape"
      title={t("dock.stop")}
      onClick={() => chat.interrupt()}
    >
      <Icon name="stop" size={18} />
      <span>{t("dock.stop")}</span>
    </button>
  );
}
