import { useId } from "react";
import { useTranslation } from "react-i18next";
import { Icon } from "../../components/Icon";
import { useRecorder } from "./useRecorder";
import styles from "./Voices.module.css";

interface Properties {
  file: File | null;
  onFile(file: File | null): void;
}

/** The recording of a voice: a file, or spoken now. */
export function Reference({ file, onFile }: Properties) {
  const { t } = useTranslation();
  const id = useId();
  const { recording, seconds, problem, start, stop } = useRecorder(onFile);
  return (
    <>
      <label htmlFor={id}>{t("voices.file")}</label>
      <div className={styles.reference}>
        <input
          id={id}
          className="field"
          type="file"
          accept="audio/*"
          onChange={(event) => onFile(event.target.files?.[0] ?? null)}
        />
        <button
          type="button"
          className={`button ${styles.record}`}
          aria-pressed={recording}
          onClick={() => (recording ? stop() : void start())}
        >
          <Icon name={recording ? "stop" : "microphone"} size={18} />
          {recording ? t("voices.stopRecording") : t("voices.record")}
        </button>
      </div>
      <p className="faint" role="status">
        {recording && t("voices.recordingFor", { seconds: Math.floor(seconds) })}
        {!recording && file && t("voices.chosen", { name: file.name })}
        {!recording && !file && t("voices.fileHint")}
      </p>
      {problem && (
        <p className="faint" role="alert">
          {t(`microphone.${problem}`)}
        </p>
      )}
    </>
  );
}
