import { useTranslation } from "react-i18next";
import type { ServiceStatus, StageFigures, Status } from "../../api/types";
import { useResource } from "../../api/useResource";
import { Loaded } from "../../components/Loaded";
import { Page } from "../../components/Page";
import type { Health } from "../../contract/generated";
import { knownEngine } from "../chat/knownEngines";
import { useStageName } from "../chat/Timings";
import styles from "./Status.module.css";

const EVERY_MS = 5000;

/** What runs and how it is. */
export default function StatusPage() {
  const { t } = useTranslation();
  const resource = useResource<Status>("/api/status", EVERY_MS);
  return (
    <Page title={t("status.title")} intro={t("status.intro")}>
      <Loaded resource={resource}>
        {(status) => (
          <div className={styles.all}>
            <Sessions status={status} />
            <ul className={styles.services}>
              {Object.entries(status.services).map(([name, service]) => (
                <Service key={name} name={name} service={service} />
              ))}
            </ul>
            <Stages stages={status.stages} />
          </div>
        )}
      </Loaded>
    </Page>
  );
}

function Sessions({ status }: { status: Status }) {
  const { t } = useTranslation();
  const { held, maximum } = status.sessions;
  return (
    <section className="card">
      <h2 className={styles.label}>{t("status.sessions")}</h2>
      <p className={styles.figure}>
        {held} <span className="faint">{t("status.of", { max: maximum })}</span>
      </p>
      <meter
        className="sr-only"
        min={0}
        max={maximum}
        value={held}
        aria-label={t("status.sessions")}
      />
    </section>
  );
}

function Service({ name, service }: { name: string; service: ServiceStatus }) {
  const { t } = useTranslation();
  const health = service.reachable ? service.health : null;
  const state = health?.status ?? "failed";
  return (
    <li className={`card ${styles.service}`}>
      <h2>{isPart(name) ? t(`status.parts.${name}`) : name}</h2>
      <p className={styles.state} data-state={state}>
        {t(`status.health.${state}`)}
      </p>
      {service.error && <p className="faint">{t(`error.${service.error}`).title}</p>}
      {health && <Models health={health} />}
      {health && Object.keys(health.load).length > 0 && (
        <dl className={styles.load}>
          {Object.entries(health.load).map(([key, value]) => (
            <div key={key}>
              <dt>{isLoad(key) ? t(`status.loads.${key}`) : key.replaceAll("_", " ")}</dt>
              <dd>{Number.isInteger(value) ? value : value.toFixed(2)}</dd>
            </div>
          ))}
        </dl>
      )}
    </li>
  );
}

const PARTS = ["stt", "llm", "tts_fast", "tts_hq", "profile"] as const;

function isPart(name: string): name is (typeof PARTS)[number] {
  return (PARTS as readonly string[]).includes(name);
}

const LOADS = [
  "sessions",
  "workers",
  "workers_busy",
  "busy",
  "waiting",
  "workers_limit",
  "utterances",
  "queue",
  "calls",
  "audio_mib",
] as const;

function isLoad(key: string): key is (typeof LOADS)[number] {
  return (LOADS as readonly string[]).includes(key);
}

function Models({ health }: { health: Health }) {
  const { t } = useTranslation();
  return (
    <ul className={styles.models}>
      {health.models.map((model) => (
        <li key={model.name}>
          <span className={styles.model}>{model.name}</span>
          <span className="faint">
            {t(`status.model.${model.state}`)} · {model.device}
            {model.detail && (
              <>
                {" · "}
                <Detail detail={model.detail} engine={health.engine} />
              </>
            )}
          </span>
        </li>
      ))}
    </ul>
  );
}

/** What a model says of itself: where that is its engine's notice, in the page's language. */
function Detail({ detail, engine }: { detail: string; engine: Health["engine"] }) {
  const { t } = useTranslation();
  const known = engine?.notice === detail ? knownEngine(engine.name) : null;
  return known ? t(`engines.notice.${known}`) : <span lang="en">{detail}</span>;
}

function Stages({ stages }: { stages: Record<string, StageFigures> }) {
  const { t, i18n } = useTranslation();
  const name = useStageName();
  const entries = Object.entries(stages);
  if (entries.length === 0) return null;
  const ms = (value: number) => `${Math.round(value).toLocaleString(i18n.language)} ms`;
  return (
    <section className="card">
      <h2 className={styles.label}>{t("status.stages")}</h2>
      <table className={styles.stages}>
        <thead>
          <tr>
            <th scope="col">{t("status.stage")}</th>
            <th scope="col">P50</th>
            <th scope="col">P95</th>
            <th scope="col">{t("status.count")}</th>
          </tr>
        </thead>
        <tbody>
          {entries.map(([stage, figures]) => (
            <tr key={stage}>
              <th scope="row">{name(stage)}</th>
              <td>{ms(figures.p50_ms)}</td>
              <td>{ms(figures.p95_ms)}</td>
              <td>{figures.count}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
