import { type FocusEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate, useParams } from "react-router";
import { type ApiError, call, sendJson } from "../../api/client";
import { conversationPath, resumable } from "../../api/conversations";
import { asApiError, type Resource, useResource } from "../../api/useResource";
import { FailureNote } from "../../components/FailureNote";
import { Icon } from "../../components/Icon";
import { Loaded } from "../../components/Loaded";
import { SoundPlayer } from "../../components/SoundPlayer";
import type { ConversationView, TurnView } from "../../contract/generated";
import { formatDate } from "../../i18n/format";
import { languageOf } from "../../i18n/script";
import { useChat } from "../../state/context";
import { prefixLength } from "../../state/ledger";
import { Timings } from "../chat/Timings";
import styles from "./History.module.css";

/** One conversation, to read and to hear. */
export default function ConversationPage() {
  const { t } = useTranslation();
  const { sessionId = "" } = useParams();
  const path = conversationPath(sessionId);
  const resource = useResource<ConversationView>(path);
  return (
    <div className="page">
      <p>
        <Link to="/history" className={styles.back}>
          <Icon name="left" size={18} />
          {t("history.back")}
        </Link>
      </p>
      <Loaded resource={resource}>
        {(view) => <Whole view={view} path={path} resource={resource} />}
      </Loaded>
    </div>
  );
}

interface WholeProperties {
  view: ConversationView;
  path: string;
  resource: Resource<ConversationView>;
}

function Whole({ view, path, resource }: WholeProperties) {
  const { t, i18n } = useTranslation();
  const navigate = useNavigate();
  const chat = useChat();
  const [failure, setFailure] = useState<ApiError | null>(null);
  const attempt = (action: () => Promise<unknown>) =>
    action().catch((error: unknown) => setFailure(asApiError(error)));

  const rename = (event: FocusEvent<HTMLInputElement>) => {
    const title = event.target.value.trim();
    if (!title || title === view.title) return;
    void attempt(async () => {
      await sendJson("PUT", path, { title });
      resource.reload();
    });
  };

  const goOn = () =>
    void attempt(async () => {
      if (chat.conversation.get().sessionId !== view.id) {
        const granted = await resumable(view.id);
        chat.resume(granted.session_id, granted.resume_token);
      }
      await navigate("/chat");
    });

  const remove = () => {
    if (!window.confirm(t("history.deleteSure"))) return;
    void attempt(async () => {
      await call(path, { method: "DELETE" });
      await navigate("/history");
    });
  };

  const removeTurn = async (turn: TurnView) => {
    if (!window.confirm(t("history.deleteTurnSure"))) return;
    await call(`/api/turn/${turn.turn_id}`, { method: "DELETE" });
    // A conversation goes with its last turn.
    if (view.turns.length === 1) await navigate("/history");
    else resource.reload();
  };

  return (
    <>
      <header className={styles.head}>
        <h1 className="sr-only">{view.title || t("history.untitled")}</h1>
        <input
          className={styles.titleField}
          aria-label={t("history.rename")}
          defaultValue={view.title}
          placeholder={t("history.untitled")}
          onBlur={rename}
          onKeyDown={(event) => event.key === "Enter" && event.currentTarget.blur()}
        />
        <p className="faint">{formatDate(view.created_at, i18n.language)}</p>
        <div className={styles.actions}>
          <button type="button" className="button primary" onClick={goOn}>
            <Icon name="microphone" size={18} />
            {t("history.continue")}
          </button>
          {(["json", "md", "zip"] as const).map((format) => (
            <a key={format} className="button" href={`${path}/export?format=${format}`} download>
              {t("history.export")} {format.toUpperCase()}
            </a>
          ))}
          <button type="button" className="button quiet" onClick={remove}>
            <Icon name="trash" size={18} />
            {t("history.delete")}
          </button>
        </div>
        {failure && <FailureNote failure={failure} />}
      </header>
      <ol className={styles.turns}>
        {view.turns.map((turn) => (
          <StoredTurn
            key={turn.turn_id}
            turn={turn}
            onDelete={() => void attempt(() => removeTurn(turn))}
          />
        ))}
      </ol>
    </>
  );
}

function StoredTurn({ turn, onDelete }: { turn: TurnView; onDelete(): void }) {
  const { t } = useTranslation();
  const cut = turn.interrupted ? prefixLength(turn.ai_text, turn.heard_text) : turn.ai_text.length;
  const audio = `/api/turn/${turn.turn_id}/audio`;
  const corrected = turn.edited_text && turn.recognised_text !== turn.edited_text;
  return (
    <li className={styles.turn}>
      <div className={styles.side}>
        <p className={styles.who}>{t("chat.you")}</p>
        <p className={styles.said} lang={languageOf(turn.user_text)}>
          {turn.user_text}
        </p>
        {corrected && (
          <p className="faint">{t("history.corrected", { text: turn.recognised_text })}</p>
        )}
        {turn.user_audio_ms != null && (
          <SoundPlayer
            url={`${audio}/user`}
            label={t("history.yourSound")}
            ms={turn.user_audio_ms}
          />
        )}
      </div>
      <div className={styles.side}>
        <p className={styles.who}>{t("chat.assistant")}</p>
        <p className={styles.answer} lang={languageOf(turn.ai_text)}>
          {turn.ai_text.slice(0, cut)}
          {cut < turn.ai_text.length && <s className={styles.unheard}>{turn.ai_text.slice(cut)}</s>}
        </p>
        {turn.interrupted && <p className="faint">{t("chat.heardTo")}</p>}
        {turn.error && <p className="faint">{t("history.failedTurn", { code: turn.error })}</p>}
        {turn.ai_audio_ms != null && (
          <SoundPlayer url={`${audio}/ai`} label={t("history.itsSound")} ms={turn.ai_audio_ms} />
        )}
        <div className={styles.foot}>
          <Timings timings={turn.timings} />
          <button
            type="button"
            className="icon-button"
            aria-label={t("history.deleteTurn")}
            title={t("history.deleteTurn")}
            onClick={onDelete}
          >
            <Icon name="trash" size={16} />
          </button>
        </div>
      </div>
    </li>
  );
}
