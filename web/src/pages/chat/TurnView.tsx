import { memo, useState } from "react";
import { useTranslation } from "react-i18next";
import { FailureNote } from "../../components/FailureNote";
import { Icon } from "../../components/Icon";
import { languageOf } from "../../i18n/script";
import { useChat } from "../../state/context";
import type { Turn } from "../../state/conversation";
import { heardLength, isUnspoken } from "../../state/turn";
import { focusComposer } from "./Composer";
import { CorrectionForm } from "./CorrectionForm";
import { ReplayButton } from "./ReplayButton";
import { Timings } from "./Timings";
import styles from "./TurnView.module.css";

interface Properties {
  turn: Turn;
  last: boolean;
}

/** One exchange: what a person said, and what was answered. Old ones aren't drawn again. */
export const TurnView = memo(function TurnView({ turn, last }: Properties) {
  const chat = useChat();
  const kept = chat.speech.kept(turn.key) !== null;
  return (
    <li className={styles.turn} data-turn={turn.turnNumber ?? ""}>
      <Said turn={turn} last={last} />
      {(turn.answer || turn.interrupted) && <Answer turn={turn} />}
      {turn.failure && !(isUnspoken(turn) && turn.answer) && (
        <FailureNote
          failure={turn.failure}
          onRetry={last && canRetry(turn, kept) ? () => chat.retry(turn) : null}
          onType={last && turn.failure.code === "STT_UNAVAILABLE" ? focusComposer : null}
        />
      )}
    </li>
  );
});

function canRetry(turn: Turn, kept: boolean): boolean {
  return turn.failure?.retryable === true && (turn.userText !== "" || kept);
}

function Said({ turn, last }: { turn: Turn; last: boolean }) {
  const { t } = useTranslation();
  const chat = useChat();
  const [editing, setEditing] = useState(false);
  const editable = last && turn.userFinal && turn.turnId !== null && !turn.typed;
  const stable = turn.userText.slice(0, turn.stableChars);
  const unstable = turn.userText.slice(turn.stableChars);
  return (
    <div className={styles.said}>
      <p className={styles.who}>{t("chat.you")}</p>
      {editing ? (
        <CorrectionForm
          text={turn.userText}
          onSave={(text) => {
            setEditing(false);
            chat.edit(turn, text);
          }}
          onCancel={() => setEditing(false)}
        />
      ) : (
        <p
          className={styles.words}
          lang={languageOf(turn.userText)}
          data-said
          data-final={turn.userFinal}
        >
          {stable}
          {unstable && <span className={styles.unstable}>{unstable}</span>}
          {!turn.userText && !turn.failure && (
            <span className={styles.unstable}>{t("chat.listeningWords")}</span>
          )}
          {editable && (
            <button
              type="button"
              className={styles.edit}
              aria-label={t("chat.edit")}
              title={t("chat.edit")}
              onClick={() => setEditing(true)}
            >
              <Icon name="edit" size={16} />
            </button>
          )}
        </p>
      )}
    </div>
  );
}

function Answer({ turn }: { turn: Turn }) {
  const { t } = useTranslation();
  const heard = heardLength(turn);
  const rest = turn.answer.slice(heard);
  return (
    <div className={styles.answer}>
      <p className={styles.who}>{t("chat.assistant")}</p>
      <p className={styles.words} lang={languageOf(turn.answer)} data-answer>
        {turn.answer.slice(0, heard)}
        {turn.interrupted && rest && <span className="sr-only"> {t("chat.notHeard")} </span>}
        {rest && <span className={turn.interrupted ? styles.unheard : styles.ahead}>{rest}</span>}
      </p>
      {turn.interrupted && (
        <p className={styles.cut} data-interrupted>
          {t(turn.heardText ? "chat.heardTo" : "chat.cutUnheard")}
        </p>
      )}
      {isUnspoken(turn) && (
        <p className={styles.cut} data-unspoken>
          {t(turn.clauses.length > 0 ? "chat.restUnspoken" : "chat.unspoken")}
        </p>
      )}
      {turn.done && (
        <div className={styles.foot}>
          <Timings timings={turn.timings} />
          {turn.audioUrl && <ReplayButton url={turn.audioUrl} />}
        </div>
      )}
    </div>
  );
}
