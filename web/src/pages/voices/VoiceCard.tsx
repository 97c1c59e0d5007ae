import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type ApiError, call, sendJson } from "../../api/client";
import { asApiError } from "../../api/useResource";
import { FailureNote } from "../../components/FailureNote";
import { Icon } from "../../components/Icon";
import type { VoiceProfileItem } from "../../contract/generated";
import { VoiceDetails } from "./VoiceDetails";
import styles from "./Voices.module.css";

interface Properties {
  voice: VoiceProfileItem;
  onChanged(): void;
}

/** A voice: what it is called, how good its recording is, and what can be done with it. */
export function VoiceCard({ voice, onChanged }: Properties) {
  const { t, i18n } = useTranslation();
  const [failure, setFailure] = useState<ApiError | null>(null);
  const [open, setOpen] = useState(false);
  const path = `/api/voice-profile/${voice.id}`;

  const attempt = async (action: () => Promise<unknown>) => {
    setFailure(null);
    await action().catch((error: unknown) => setFailure(asApiError(error)));
  };

  const makeDefault = async () => {
    await sendJson("PUT", path, { is_default: true });
    onChanged();
  };

  const remove = () => {
    if (!window.confirm(t("voices.deleteSure", { name: voice.name }))) return;
    void attempt(async () => {
      await call(path, { method: "DELETE" });
      onChanged();
    });
  };

  return (
    <li className={`card ${styles.voice}`}>
      <div className={styles.about}>
        <h2>
          {voice.name}
          {voice.is_default && <span className={styles.default}>{t("voices.default")}</span>}
        </h2>
        <p className="faint">{useSummary(voice)}</p>
      </div>
      <div className={styles.actions}>
        <button
          type="button"
          className="button"
          onClick={() => void attempt(() => hear(path, t("voices.testText"), i18n.language))}
        >
          <Icon name="play" size={16} />
          {t("voices.test")}
        </button>
        {!voice.is_default && (
          <button type="button" className="button quiet" onClick={() => void attempt(makeDefault)}>
            {t("voices.makeDefault")}
          </button>
        )}
        <button
          type="button"
          className="button quiet"
          aria-expanded={open}
          onClick={() => setOpen(!open)}
        >
          {t("voices.details")}
        </button>
        <button
          type="button"
          className="icon-button"
          aria-label={`${t("voices.delete")}: ${voice.name}`}
          onClick={remove}
        >
          <Icon name="trash" />
        </button>
      </div>
      <Advice voice={voice} />
      {failure && <FailureNote failure={failure} words={t("voices.errors")} />}
      {open && <VoiceDetails path={path} onChanged={onChanged} />}
    </li>
  );
}

function useSummary({ duration, quality }: VoiceProfileItem): string {
  const { t } = useTranslation();
  const length = t("voices.seconds", { seconds: duration.toFixed(1) });
  if (!quality) return length;
  return `${length} · ${t("voices.quality", { percent: Math.round(quality.score * 100) })}`;
}

function Advice({ voice }: { voice: VoiceProfileItem }) {
  const { i18n } = useTranslation();
  const advice = voice.quality?.advice ?? [];
  if (advice.length === 0) return null;
  return (
    <ul className={styles.advice}>
      {advice.map(({ code, text }) => (
        <li key={code}>{text[i18n.language] ?? text.en}</li>
      ))}
    </ul>
  );
}

/** Speak `text` in the voice at `path`, and play it. */
async function hear(path: string, text: string, language: string): Promise<void> {
  const headers = { "Content-Type": "application/json" };
  const body = JSON.stringify({ text, language });
  const answer = await call(`${path}/test`, { method: "POST", headers, body });
  const address = URL.createObjectURL(await answer.blob());
  const sound = new Audio(address);
  sound.onended = () => URL.revokeObjectURL(address);
  await sound.play();
}
