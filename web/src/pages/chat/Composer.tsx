import { type FormEvent, type KeyboardEvent, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { Icon } from "../../components/Icon";
import { useChat } from "../../state/context";
import { useStore } from "../../state/store";
import styles from "./Composer.module.css";

/** Put the cursor where one types. */
export function focusComposer(): void {
  document.querySelector<HTMLElement>("[data-composer]")?.focus();
}

/**
 * Typing instead of talking.
 *
 * The field keeps the focus after a message, for the next one. While it is empty the space bar talks
 * in it as it does elsewhere (useHoldToTalk), and Esc stops the answer.
 */
export function Composer() {
  const { t } = useTranslation();
  const chat = useChat();
  const { limits } = useStore(chat.conversation);
  const [text, setText] = useState("");
  const label = useId();

  const send = (event?: FormEvent) => {
    event?.preventDefault();
    if (!text.trim()) return;
    chat.sendText(text);
    setText("");
  };

  /** Enter also ends a Zhuyin or Pinyin composition: then it is not meant for us. */
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  };

  return (
    <form className={styles.composer} onSubmit={send}>
      <label className="sr-only" htmlFor={label}>
        {t("dock.typeLabel")}
      </label>
      <textarea
        id={label}
        rows={1}
        data-composer
        aria-describedby="talk-keys"
        value={text}
        maxLength={limits?.max_text_chars}
        placeholder={t("dock.typePlaceholder")}
        enterKeyHint="send"
        onChange={(event) => setText(event.target.value)}
        onKeyDown={onKeyDown}
      />
      <button
        type="submit"
        className={styles.send}
        aria-label={t("dock.send")}
        disabled={!text.trim()}
      >
        <Icon name="send" />
      </button>
    </form>
  );
}
