import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { Icon } from "../../components/Icon";
import { useChat } from "../../state/context";
import { useStore } from "../../state/store";
import styles from "./Problems.module.css";

/** Says that this is a new conversation, until one has read it or speaks. */
export function Lost() {
  const { t } = useTranslation();
  const chat = useChat();
  const { lost } = useStore(chat.conversation);
  const shown = lost !== null && !lost.read;
  return (
    <div role="status" aria-atomic="true" data-lost={shown}>
      {shown && (
        <div className={styles.banner}>
          <p>
            <strong>{t("lost.title")}</strong> {t("lost.body")}{" "}
            <Link to={lost.sessionId ? `/history/${lost.sessionId}` : "/history"}>
              {t("lost.open")}
            </Link>
          </p>
          <button
            type="button"
            className="icon-button"
            aria-label={t("error.dismiss")}
            onClick={() => chat.dismiss()}
          >
            <Icon name="close" size={16} />
          </button>
        </div>
      )}
    </div>
  );
}
