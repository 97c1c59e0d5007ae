import { useTranslation } from "react-i18next";
import type { ErrorCode } from "../contract/generated";
import styles from "./FailureNote.module.css";
import { Icon } from "./Icon";

/** What a failure is about; `NETWORK` when the server was not reached at all. */
export interface ShownFailure {
  code: ErrorCode | "NETWORK";
  message: string;
  /** what exactly is wrong, where the code has several causes */
  reason?: string | null;
  retryAfterS: number | null;
}

interface Properties {
  failure: ShownFailure;
  onRetry?: (() => void) | null;
  /** where typing helps instead */
  onType?: (() => void) | null;
  onDismiss?: () => void;
  /** other words for some codes and reasons, where they mean something of their own */
  words?: Partial<Record<string, FailureWords>>;
}

interface FailureWords {
  title: string;
  advice: string;
}

/** What went wrong, what to do about it, and a way to try again where that may help. */
export function FailureNote({ failure, onRetry, onType, onDismiss, words: special }: Properties) {
  const { t } = useTranslation();
  // A code that is newer than the page has no words here: the server's own are in the details.
  const own = special?.[failure.reason ?? ""] ?? special?.[failure.code];
  const words = own ?? t([`error.${failure.code}`, "error.INTERNAL"] as const);
  return (
    <div className={styles.note} role="alert" data-code={failure.code}>
      <Icon name="warning" />
      <div className={styles.text}>
        <p className={styles.title}>{words.title}</p>
        <p>{words.advice}</p>
        {failure.retryAfterS !== null && (
          <p>{t("error.retryAfter", { seconds: Math.ceil(failure.retryAfterS) })}</p>
        )}
        {failure.message && (
          <details>
            <summary>{t("error.details")}</summary>
            <p lang="en">
              <code>{failure.code}</code> {failure.message}
            </p>
          </details>
        )}
      </div>
      {onRetry && (
        <button type="button" className="button" onClick={onRetry}>
          <Icon name="retry" size={16} />
          {t("chat.retry")}
        </button>
      )}
      {onType && (
        <button type="button" className="button" onClick={onType}>
          <Icon name="edit" size={16} />
          {t("chat.typeInstead")}
        </button>
      )}
      {onDismiss && (
        <button
          type="button"
          className="icon-button"
          aria-label={t("error.dismiss")}
          onClick={onDismiss}
        >
          <Icon name="close" size={18} />
        </button>
      )}
    </div>
  );
}
