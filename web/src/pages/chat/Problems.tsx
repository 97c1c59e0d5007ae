import { useTranslation } from "react-i18next";
import { FailureNote } from "../../components/FailureNote";
import { Icon } from "../../components/Icon";
import { useChat } from "../../state/context";
import { useStore } from "../../state/store";
import { Away } from "./Away";
import { Lost } from "./Lost";
import styles from "./Problems.module.css";

/** What stands in the way outside of a turn: a failure, no microphone, something to know. */
export function Problems() {
  const { t } = useTranslation();
  const chat = useChat();
  const { failure, notices } = useStore(chat.conversation);
  const { problem } = useStore(chat.speech.microphone);
  return (
    <div className={styles.problems}>
      <Lost />
      <Away />
      {notices.map(({ code, message }) => (
        <div key={code} className={styles.notice} role="status" data-notice={code}>
          <p>{t(`notice.${code}`, { defaultValue: message })}</p>
          {code !== "PUBLIC_ENGINE" && (
            <button
              type="button"
              className="icon-button"
              aria-label={t("error.dismiss")}
              onClick={() => chat.dismiss()}
            >
              <Icon name="close" size={16} />
            </button>
          )}
        </div>
      ))}
      {failure && <FailureNote failure={failure} onDismiss={() => chat.dismiss()} />}
      {problem && (
        <div className={styles.microphone} role="alert" data-problem={problem}>
          <Icon name="microphone" />
          <div>
            <p className={styles.title}>{t("microphone.title")}</p>
            <p>{t(`microphone.${problem}`)}</p>
          </div>
        </div>
      )}
    </div>
  );
}
