import { useTranslation } from "react-i18next";
import styles from "./Timings.module.css";

/** How long the turn's stages took: one figure to see, the others on demand. */
export function Timings({ timings }: { timings: Record<string, number> }) {
  const { t, i18n } = useTranslation();
  const name = useStageName();
  const first = timings.first_audio;
  const entries = Object.entries(timings);
  if (entries.length === 0) return null;
  const seconds = (ms: number) =>
    (ms / 1000).toLocaleString(i18n.language, { maximumFractionDigits: 2 });
  return (
    <details className={styles.timings}>
      <summary className={styles.small}>
        {first === undefined
          ? t("chat.timings")
          : t("chat.firstSound", { seconds: seconds(first) })}
      </summary>
      <dl>
        {entries.map(([stage, ms]) => (
          <div key={stage}>
            <dt>{name(stage)}</dt>
            <dd>{Math.round(ms).toLocaleString(i18n.language)} ms</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}

/** The name of a stage in the page's language; one that is newer than the page keeps its own. */
export function useStageName(): (stage: string) => string {
  const { t } = useTranslation();
  return (stage) => (isStage(stage) ? t(`timing.${stage}`) : stage);
}

const STAGES = [
  "stt",
  "llm_first_token",
  "llm",
  "tts_first_audio",
  "first_audio",
  "tts",
  "total",
] as const;

function isStage(stage: string): stage is (typeof STAGES)[number] {
  return (STAGES as readonly string[]).includes(stage);
}
