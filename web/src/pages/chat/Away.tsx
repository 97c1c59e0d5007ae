import { useTranslation } from "react-i18next";
import { Icon } from "../../components/Icon";
import { useChat, useSettings } from "../../state/context";
import { lossesOf } from "../../state/notices";
import { useStore } from "../../state/store";
import styles from "./Problems.module.css";

/** What doesn't work at the moment and what still does; goes by itself when all works again. */
export function Away() {
  const { t } = useTranslation();
  const chat = useChat();
  const [{ ttsMode }] = useSettings();
  const { away } = useStore(chat.conversation);
  const losses = lossesOf(away, ttsMode);
  return (
    <div role="status" aria-atomic="true" data-away={losses.join(" ")}>
      {losses.length > 0 && (
        <div className={styles.banner}>
          <Icon name="warning" />
          <ul>
            {losses.map((loss) => (
              <li key={loss}>{t(`away.${loss}`)}</li>
            ))}
          </ul>
        </div>
      )}
    </div>
  );
}
