import { useTranslation } from "react-i18next";
import { useChat } from "../../state/context";
import styles from "./Greeting.module.css";

/** What is there before anything was said: what to do, and what the engines can't. */
export function Greeting() {
  const { t } = useTranslation();
  const chat = useChat();
  return (
    <div className={styles.greeting}>
      <div className={styles.inner}>
        <h2>{t("greeting.title")}</h2>
        <p className={styles.body}>{t("greeting.body")}</p>
        <p className={styles.try}>{t("greeting.try")}</p>
        <ul className={styles.examples}>
          {t("greeting.examples").map((example) => (
            <li key={example}>
              <button type="button" onClick={() => chat.sendText(example)}>
                {example}
              </button>
            </li>
          ))}
        </ul>
      </div>
    </div>
  );
}
