import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type ApiError, call, sendJson } from "../../api/client";
import { asApiError, useResource } from "../../api/useResource";
import { FailureNote } from "../../components/FailureNote";
import { Icon } from "../../components/Icon";
import { Loaded } from "../../components/Loaded";
import { Page } from "../../components/Page";
import type { VoiceProfileItem, VoiceProfilePage } from "../../contract/generated";
import { AddVoice } from "./AddVoice";
import styles from "./Voices.module.css";

/** The voices that AVATAR can answer in. */
export default function VoicesPage() {
  const { t } = useTranslation();
  const resource = useResource<VoiceProfilePage>("/api/voice-profiles");
  return (
    <Page title={t("voices.title")} intro={t("voices.intro")}>
      <Loaded resource={resource}>
        {({ items }) =>
          items.length === 0 ? (
            <p className={styles.empty}>{t("voices.empty")}</p>
          ) : (
            <ul className={styles.list}>
              {items.map((voice) => (
                <Voice key={voice.id} voice={voice} onChanged={resource.reload} />
              ))}
            </ul>
          )
        }
      </Loaded>
      <AddVoice onAdded={resource.reload} />
    </Page>
  );
}

function Voice({ voice, onChanged }: { voice: VoiceProfileItem; onChanged(): void }) {
  const { t, i18n } = useTranslation();
  const [failure, setFailure] = useState<ApiError | null>(null);
  const path = `/api/voice-profile/${voice.id}`;

  const attempt = async (action: () => Promise<unknown>) => {
    setFailure(null);
    await action().catch((error: unknown) => setFailure(asApiError(error)));
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
        <p className="faint">
          {t("voices.seconds", { seconds: voice.duration.toFixed(1) })}
          {voice.quality &&
            ` · ${t("voices.quality", { percent: Math.round(voice.quality.score * 100) })}`}
        </p>
        {voice.quality?.advice.map((advice) => (
          <p key={advice.code} className="faint">
            {advice.text[i18n.language] ?? advice.text.en}
          </p>
        ))}
      </div>
      <div className={styles.actions}>
        <button
          type="button"
          className="button"
          onClick={() => void attempt(() => hear(path, t("voices.testText")))}
        >
          <Icon name="play" size={16} />
          {t("voices.test")}
        </button>
        {!voice.is_default && (
          <button
            type="button"
            className="button quiet"
            onClick={() =>
              void attempt(async () => {
                await sendJson("PUT", path, { is_default: true });
                onChanged();
              })
            }
          >
            {t("voices.makeDefault")}
          </button>
        )}
        <button
          type="button"
          className="icon-button"
          aria-label={`${t("voices.delete")}: ${voice.name}`}
          onClick={remove}
        >
          <Icon name="trash" />
        </button>
      </div>
      {failure && <FailureNote failure={failure} />}
    </li>
  );
}

/** Speak `text` in the voice at `path`, and play it. */
async function hear(path: string, text: string): Promise<void> {
  const headers = { "Content-Type": "application/json" };
  const body = JSON.stringify({ text });
  const answer = await call(`${path}/test`, { method: "POST", headers, body });
  const address = URL.createObjectURL(await answer.blob());
  const sound = new Audio(address);
  sound.onended = () => URL.revokeObjectURL(address);
  await sound.play();
}
