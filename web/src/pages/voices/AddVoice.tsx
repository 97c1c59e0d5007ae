import { type FormEvent, useId, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { type ApiError, call } from "../../api/client";
import { asApiError } from "../../api/useResource";
import { FailureNote } from "../../components/FailureNote";
import { Reference } from "./Reference";
import styles from "./Voices.module.css";

/** Make a recording a voice, with the consent of its owner. */
export function AddVoice({ onAdded }: { onAdded(): void }) {
  const { t } = useTranslation();
  const form = useRef<HTMLFormElement>(null);
  const [file, setFile] = useState<File | null>(null);
  const [failure, setFailure] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const [agreed, setAgreed] = useState(false);
  const id = useId();

  const add = async (event: FormEvent) => {
    event.preventDefault();
    if (!form.current || !file) return;
    setBusy(true);
    setFailure(null);
    try {
      const body = filledIn(new FormData(form.current), file, t("voices.consent"));
      await call("/api/voice-profile", { method: "POST", body });
      form.current.reset();
      setFile(null);
      setAgreed(false);
      onAdded();
    } catch (error) {
      setFailure(asApiError(error));
    } finally {
      setBusy(false);
    }
  };

  return (
    <form ref={form} className={`card ${styles.form} ${styles.fields}`} onSubmit={add}>
      <h2>{t("voices.add")}</h2>
      <Reference file={file} onFile={setFile} />
      <label htmlFor={`${id}-name`}>{t("voices.name")}</label>
      <input id={`${id}-name`} className="field" name="name" maxLength={80} required />
      <label htmlFor={`${id}-text`}>{t("voices.text")}</label>
      <textarea id={`${id}-text`} className="field" name="reference_text" rows={2} />
      <p className="faint">{t("voices.textHint")}</p>
      <label htmlFor={`${id}-by`}>{t("voices.owner")}</label>
      <input id={`${id}-by`} className="field" name="by" maxLength={200} required />
      <label className={styles.consent}>
        <input
          type="checkbox"
          checked={agreed}
          onChange={(event) => setAgreed(event.target.checked)}
          required
        />
        {t("voices.consent")}
      </label>
      <p className="faint">{t("voices.consentRequired")}</p>
      {failure && <FailureNote failure={failure} words={t("voices.errors")} />}
      <button type="submit" className="button primary" disabled={busy || !agreed || !file}>
        {t(busy ? "voices.uploading" : "voices.upload")}
      </button>
    </form>
  );
}

/** The form as the server takes it: the consent as one JSON field, empty words left out. */
function filledIn(form: FormData, file: File, text: string): FormData {
  const consent = { by: form.get("by"), at: new Date().toISOString(), text };
  form.set("file", file, file.name);
  form.set("consent", JSON.stringify(consent));
  form.delete("by");
  if (!form.get("reference_text")) form.delete("reference_text");
  return form;
}
