import { useTranslation } from "react-i18next";
import type { Engines } from "../../contract/generated";
import styles from "./Greeting.module.css";
import { limitedEngine } from "./knownEngines";

/** What the engines that run can't do, said before anybody is disappointed. */
export function Limits({ engines }: { engines: Engines }) {
  const { t } = useTranslation();
  const told = (["stt", "llm", "tts_fast"] as const).flatMap((stage) => {
    const engine = limitedEngine(engines, stage);
    return engine ? [{ stage, engine }] : [];
  });
  if (told.length === 0) return null;
  return (
    <dl className={styles.limits}>
      {told.map(({ stage, engine }) => (
        <div key={stage}>
          <dt>{t(`engines.stage.${stage}`)}</dt>
          <dd>{t(`engines.known.${engine}`)}</dd>
        </div>
      ))}
    </dl>
  );
}
