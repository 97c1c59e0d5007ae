import { type FormEvent, useId, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { type ApiError, call } from "../../api/client";
import { asApiError } from "../../api/useResource";
import { FailureNote } from "../../components/FailureNote";
import styles from "./Voices.module.css";

/** Upload a recording as a voice, with the consent of its owner. */
export function AddVoice({ onAdded }: { onAdded(): void }) {
  const { t } = useTranslation();
  const form = useRef<HTMLFormElement>(null);
  const [failure, setFailure] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const [agreed, setAgreed] = useState(false);
  const id = useId();

  const add = async (event: FormEvent) => {
    event.preventDefault();
    if (!form.current) return;
    setBusy(true);
    setFailure(null);
    try {
      const body = withConsent(new FormData(form.current), t("voices.consent"));
      await call("/api/voice-profile", { method: "POST", body });
      form.current.reset();
      setAgreed(false);
      onAdded();
    } catch (error) {
      setFailure(asApiError(error));
    } finally {
      setBusy(false);
    }
  };

  return (
    <form ref={form} className={`card ${styles.form}`} onSubmit={add}>
      <h2>{t("voices.add")}</h2>
      <label htmlFor={`${id}-file`}>{t("voices.file")}</label>
      <input
        id={`${id}-file`}
        className="field"
        type="file"
        name="file"
        accept="audio/*"
        required
      />
      <p className="faint">{t("voices.fileHint")}</p>
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
      {failure && <FailureNote failure={failure} />}
      <button type="submit" className="button primary" disabled={busy || !agreed}>
        {t(busy ? "voices.uploading" : "voices.upload")}
      </button>
    </form>
  );
}

/** The form as the server takes it: the consent as one JSON field, empty words left out. */
function withConsent(form: FormData, text: string): FormData {
  const consent = { by: form.get("by"), at: new Date().toISOString(), text };
  form.set("consent", JSON.stringify(consent));
  form.delete("by");
  if (!form.get("reference_text")) form.delete("reference_text");
  return form;
}
