import { type ReactNode, useId } from "react";
import styles from "./Settings.module.css";

/** Settings that belong together. */
export function Group({ title, children }: { title: string; children: ReactNode }) {
  const id = useId();
  return (
    <section className={styles.group} aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      <div className={styles.rows}>{children}</div>
    </section>
  );
}

interface RowProperties {
  label: string;
  hint?: string;
  children(id: string): ReactNode;
}

/** A label, what it means, and the field that it is for. */
export function Row({ label, hint, children }: RowProperties) {
  const id = useId();
  return (
    <div className={styles.row}>
      <div>
        <label htmlFor={id}>{label}</label>
        {hint && <p className="faint">{hint}</p>}
      </div>
      <div className={styles.value}>{children(id)}</div>
    </div>
  );
}

interface ChoiceProperties<T extends string> {
  label: string;
  value: T;
  options: readonly (readonly [T, string])[];
  onChange(value: T): void;
}

/** One of a few. */
export function Choice<T extends string>({ label, value, options, onChange }: ChoiceProperties<T>) {
  return (
    <Row label={label}>
      {(id) => (
        <select
          id={id}
          className="field"
          value={value}
          onChange={(event) => onChange(event.target.value as T)}
        >
          {options.map(([option, words]) => (
            <option key={option} value={option}>
              {words}
            </option>
          ))}
        </select>
      )}
    </Row>
  );
}

interface SwitchProperties {
  label: string;
  hint: string;
  value: boolean;
  onChange(value: boolean): void;
}

/** On or off. */
export function Switch({ label, hint, value, onChange }: SwitchProperties) {
  return (
    <Row label={label} hint={hint}>
      {(id) => (
        <input
          id={id}
          type="checkbox"
          role="switch"
          className={styles.checkbox}
          checked={value}
          aria-checked={value}
          onChange={(event) => onChange(event.target.checked)}
        />
      )}
    </Row>
  );
}
