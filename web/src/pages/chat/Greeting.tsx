import { useTranslation } from "react-i18next";
import { useChat } from "../../state/context";
import { useStore } from "../../state/store";
import { isTouched } from "../../theme/touch";
import styles from "./Greeting.module.css";
import { Limits } from "./Limits";

/** What is there before anything was said: what to do, and what the engines can't. */
export function Greeting() {
  const { t } = useTranslation();
  const chat = useChat();
  const { engines, notices } = useStore(chat.conversation);
  const stays = !notices.some(({ code }) => code === "PUBLIC_ENGINE");
  return (
    <div className={styles.greeting}>
      <div className={styles.inner}>
        <h2>{t("greeting.title")}</h2>
        <p className={styles.body}>{t(isTouched() ? "greeting.bodyTouch" : "greeting.body")}</p>
        {stays && <p className={styles.body}>{t("greeting.stays")}</p>}
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
        {engines && <Limits engines={engines} />}
      </div>
    </div>
  );
}
