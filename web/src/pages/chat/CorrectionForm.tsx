import { type FormEvent, type KeyboardEvent, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import styles from "./CorrectionForm.module.css";

interface Properties {
  text: string;
  onSave(text: string): void;
  onCancel(): void;
}

/** Saying in writing what was really said. */
export function CorrectionForm({ text, onSave, onCancel }: Properties) {
  const { t } = useTranslation();
  const [value, setValue] = useState(text);
  const label = useId();
  const save = (event: FormEvent) => {
    event.preventDefault();
    if (value.trim()) onSave(value);
  };
  /** Esc ends the correction and nothing else. */
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || event.nativeEvent.isComposing) return;
    event.preventDefault();
    onCancel();
  };
  return (
    <form className={styles.form} onSubmit={save} onKeyDown={onKeyDown}>
      <label className="sr-only" htmlFor={label}>
        {t("chat.editLabel")}
      </label>
      <input
        id={label}
        className="field"
        value={value}
        // biome-ignore lint/a11y/noAutofocus: the person asked to edit this
        autoFocus
        onChange={(event) => setValue(event.target.value)}
      />
      <button type="submit" className="button primary" disabled={!value.trim()}>
        {t("chat.save")}
      </button>
      <button type="button" className="button quiet" onClick={onCancel}>
        {t("chat.cancel")}
      </button>
    </form>
  );
}
