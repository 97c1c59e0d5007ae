import { useTranslation } from "react-i18next";
import type { Engines } from "../../contract/generated";
import styles from "./Greeting.module.css";

/** What the built-in engines can't do, said before anybody is disappointed. */
export function Limits({ engines }: { engines: Engines }) {
  const { t } = useTranslation();
  const modest = (["stt", "llm", "tts_fast"] as const).filter(
    (stage) => engines[stage].kind === "embedded",
  );
  if (modest.length === 0) return null;
  return (
    <dl className={styles.limits}>
      {modest.map((stage) => (
        <div key={stage}>
          <dt>{t(`engines.stage.${stage}`)}</dt>
          <dd>{t(`engines.embedded.${stage}`)}</dd>
        </div>
      ))}
    </dl>
  );
}
