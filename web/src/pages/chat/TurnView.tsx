import { memo, useState } from "react";
import { useTranslation } from "react-i18next";
import { FailureNote } from "../../components/FailureNote";
import { Icon } from "../../components/Icon";
import { languageOf } from "../../i18n/script";
import { useChat } from "../../state/context";
import type { Turn } from "../../state/conversation";
import { heardChars, prefixLength } from "../../state/ledger";
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
  return (
    <li className={styles.turn} data-turn={turn.turnNumber ?? ""}>
      <Said turn={turn} last={last} />
      {(turn.answer || turn.interrupted) && <Answer turn={turn} />}
      {turn.failure && (
        <FailureNote
          failure={turn.failure}
          onRetry={last && canRetry(turn, chat.speech.kept?.key) ? () => chat.retry(turn) : null}
        />
      )}
    </li>
  );
});

function canRetry(turn: Turn, keptKey: string | undefined): boolean {
  return turn.failure?.retryable === true && (turn.userText !== "" || keptKey === turn.key);
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
      {turn.done && (
        <div className={styles.foot}>
          <Timings timings={turn.timings} />
          {turn.audioUrl && <ReplayButton url={turn.audioUrl} />}
        </div>
      )}
    </div>
  );
}

/** Characters of the answer that were heard: by the server's word once it is there. */
function heardLength(turn: Turn): number {
  if (turn.interrupted) return prefixLength(turn.answer, turn.heardText);
  if (turn.done || turn.clauses.length === 0) return turn.answer.length;
  return heardChars(turn.answer, turn.clauses, turn.playedMs);
}
