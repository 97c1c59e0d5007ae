import { Fragment, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Icon } from "../../components/Icon";
import type { Turn } from "../../state/conversation";
import styles from "./Transcript.module.css";
import { TurnView } from "./TurnView";

/** How near to the end one has to be to be carried along with new words, px. */
const NEAR = 80;

/** What was said, oldest first; it follows the newest words unless one has scrolled away. */
export function Transcript({ turns }: { turns: Turn[] }) {
  const { t } = useTranslation();
  const scroller = useRef<HTMLDivElement>(null);
  const [following, setFollowing] = useState(true);
  const last = turns.at(-1);
  const grown = `${turns.length} ${last?.userText.length} ${last?.answer.length} ${last?.done} ${last?.earlier}`;

  // biome-ignore lint/correctness/useExhaustiveDependencies: it is drawn again when words came
  useEffect(() => {
    if (following) toEnd(scroller.current);
  }, [grown, following]);

  const onScroll = () => {
    const box = scroller.current;
    if (box) setFollowing(box.scrollHeight - box.scrollTop - box.clientHeight < NEAR);
  };

  return (
    <div className={styles.frame}>
      <section
        ref={scroller}
        className={styles.scroller}
        onScroll={onScroll}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: keyboards scroll it
        tabIndex={0}
        aria-label={t("chat.transcript")}
      >
        <ol className={styles.turns}>
          {turns.map((turn, index) => (
            <Fragment key={turn.key}>
              {!turn.earlier && turns[index - 1]?.earlier && <Divider />}
              <TurnView turn={turn} last={turn === last && !turn.earlier} />
            </Fragment>
          ))}
          {last?.earlier && <Divider />}
        </ol>
      </section>
      <Spoken turn={last} />
      {!following && (
        <button
          type="button"
          className={styles.jump}
          aria-label={t("chat.jump")}
          onClick={() => setFollowing(true)}
        >
          <Icon name="down" size={18} />
        </button>
      )}
    </div>
  );
}

/** Above it are turns that the model no longer knows of. */
function Divider() {
  const { t } = useTranslation();
  return (
    <li className={styles.divider} data-divider>
      <span>{t("lost.divider")}</span>
    </li>
  );
}

/**
 * Tells screen readers what was understood, once it is final. The answer is heard anyway; where it
 * made no sound it is read too. Words that still change are never read out.
 */
function Spoken({ turn }: { turn: Turn | undefined }) {
  const { t } = useTranslation();
  const understood = turn?.userFinal && !turn.stale && !turn.typed ? turn.userText : "";
  const silent = turn?.done && !turn.stale && turn.clauses.length === 0 ? turn.answer : "";
  return (
    <div className="sr-only" aria-live="polite">
      {understood && <p>{t("chat.recognised", { text: understood })}</p>}
      {silent && <p>{silent}</p>}
    </div>
  );
}

function toEnd(box: HTMLElement | null): void {
  if (box) box.scrollTop = box.scrollHeight;
}
