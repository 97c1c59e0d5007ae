import { type FormEvent, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { type ApiError, sendJson } from "../../api/client";
import { asApiError, useResource } from "../../api/useResource";
import { FailureNote } from "../../components/FailureNote";
import { Loaded } from "../../components/Loaded";
import { SoundPlayer } from "../../components/SoundPlayer";
import type { VoiceProfile, VoiceProfileChange } from "../../contract/generated";
import { formatDate } from "../../i18n/format";
import styles from "./Voices.module.css";

/** The recording behind a voice: to see, to hear, and its words to correct. */
export function VoiceDetails({ path, onChanged }: { path: string; onChanged(): void }) {
  const resource = useResource<VoiceProfile>(path);
  const changed = () => {
    resource.reload();
    onChanged();
  };
  return (
    <div className={styles.details}>
      <Loaded resource={resource}>
        {(voice) => (
          <>
            <Waveform peaks={voice.peaks} />
            <Recording voice={voice} path={path} />
            <NameAndWords key={voice.etag} voice={voice} path={path} onChanged={changed} />
          </>
        )}
      </Loaded>
    </div>
  );
}

/** The recording as a picture; the ear has its own below. */
function Waveform({ peaks }: { peaks: number[] }) {
  if (peaks.length === 0) return null;
  const bars = peaks.map((peak, x) => {
    const half = Math.max(0.5, peak * 30);
    return `M${x + 0.5} ${32 - half}V${32 + half}`;
  });
  return (
    <svg
      aria-hidden="true"
      className={styles.waveform}
      viewBox={`0 0 ${peaks.length} 64`}
      preserveAspectRatio="none"
    >
      <path d={bars.join("")} vectorEffect="non-scaling-stroke" />
    </svg>
  );
}

function Recording({ voice, path }: { voice: VoiceProfile; path: string }) {
  const { t, i18n } = useTranslation();
  return (
    <>
      <SoundPlayer
        key={voice.etag}
        url={`${path}/audio?etag=${encodeURIComponent(voice.etag)}`}
        label={t("voices.recording")}
        ms={voice.duration * 1000}
      />
      {voice.consent && (
        <p className="faint">
          {t("voices.agreed", {
            by: voice.consent.by,
            date: formatDate(voice.consent.at, i18n.language),
          })}
        </p>
      )}
    </>
  );
}

interface NameAndWordsProperties {
  voice: VoiceProfile;
  path: string;
  onChanged(): void;
}

function NameAndWords({ voice, path, onChanged }: NameAndWordsProperties) {
  const { t } = useTranslation();
  const [name, setName] = useState(voice.name);
  const [words, setWords] = useState(voice.reference_text);
  const [failure, setFailure] = useState<ApiError | null>(null);
  const id = useId();
  const change: VoiceProfileChange = {
    ...(name !== voice.name && { name }),
    ...(words !== voice.reference_text && { reference_text: words }),
  };

  const save = async (event: FormEvent) => {
    event.preventDefault();
    setFailure(null);
    try {
      await sendJson("PUT", path, change);
      onChanged();
    } catch (error) {
      setFailure(asApiError(error));
    }
  };

  return (
    <form className={styles.fields} onSubmit={save}>
      <label htmlFor={`${id}-name`}>{t("voices.name")}</label>
      <input
        id={`${id}-name`}
        className="field"
        value={name}
        required
        onChange={(event) => setName(event.target.value)}
      />
      <label htmlFor={`${id}-words`}>{t("voices.text")}</label>
      <textarea
        id={`${id}-words`}
        className="field"
        rows={2}
        value={words}
        onChange={(event) => setWords(event.target.value)}
      />
      {failure && <FailureNote failure={failure} words={t("voices.errors")} />}
      <button
        type="submit"
        className="button primary"
        disabled={Object.keys(change).length === 0 || !name.trim()}
      >
        {t("voices.save")}
      </button>
    </form>
  );
}
