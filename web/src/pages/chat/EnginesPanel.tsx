import { useRef } from "react";
import { useTranslation } from "react-i18next";
import { Icon } from "../../components/Icon";
import { Licence } from "../../components/Licence";
import type { EngineInfo, Engines } from "../../contract/generated";
import { useChat } from "../../state/context";
import { useStore } from "../../state/store";
import styles from "./EnginesPanel.module.css";
import { knownEngine, limitedEngine } from "./knownEngines";

const STAGES = ["stt", "llm", "tts_fast", "tts_hq"] as const;
type Stage = (typeof STAGES)[number];

/** Which engines run, in a word; a press tells what they can't do and whose licence they have. */
export function EnginesButton() {
  const { t } = useTranslation();
  const chat = useChat();
  const { engines } = useStore(chat.conversation);
  const dialog = useRef<HTMLDialogElement>(null);
  if (!engines) return <span />;
  return (
    <>
      <button
        type="button"
        className="button quiet"
        aria-haspopup="dialog"
        onClick={() => dialog.current?.showModal()}
      >
        <span className={styles.dot} data-modest={isModest(engines)} aria-hidden="true" />
        {isModest(engines) ? t("engines.bannerTitle") : summary(engines)}
      </button>
      <dialog ref={dialog} className={styles.dialog} aria-labelledby="engines-title">
        <header>
          <h2 id="engines-title">{t("engines.title")}</h2>
          <form method="dialog">
            <button type="submit" className="icon-button" aria-label={t("engines.close")}>
              <Icon name="close" />
            </button>
          </form>
        </header>
        <p className={styles.intro}>{t("engines.intro")}</p>
        <EngineTable engines={engines} />
        <Limits engines={engines} />
      </dialog>
    </>
  );
}

/** Engine, languages and licence of every stage. */
function EngineTable({ engines }: { engines: Engines }) {
  const { t } = useTranslation();
  return (
    <div className={styles.scroll}>
      <table className={styles.table}>
        <thead>
          <tr>
            <th scope="col">{t("engines.column.stage")}</th>
            <th scope="col">{t("engines.column.engine")}</th>
            <th scope="col">{t("engines.column.languages")}</th>
            <th scope="col">{t("engines.column.licence")}</th>
          </tr>
        </thead>
        <tbody>
          {STAGES.map((stage) => (
            <EngineRow key={stage} stage={stage} engine={engines[stage]} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function EngineRow({ stage, engine }: { stage: Stage; engine: EngineInfo }) {
  const { t, i18n } = useTranslation();
  const names = new Intl.DisplayNames(i18n.language, { type: "language" });
  const languages = engine.languages.map((tag) => names.of(tag) ?? tag).join(", ");
  return (
    <tr>
      <th scope="row">{t(`engines.stage.${stage}`)}</th>
      <td>
        <span className={styles.name}>{engine.name}</span>
        <span className="faint">{t(`engines.kind.${engine.kind}`)}</span>
      </td>
      <td>{languages || t("engines.anyLanguage")}</td>
      <td>
        {engine.licence ? <Licence name={engine.licence} /> : t("engines.unknownLicence")}
        {isNonCommercial(engine) && (
          <span className={styles.warning}>{t("engines.nonCommercial")}</span>
        )}
      </td>
    </tr>
  );
}

function Limits({ engines }: { engines: Engines }) {
  const { t } = useTranslation();
  const told = STAGES.filter((stage) => engines[stage].notice).map((stage) => ({
    stage,
    engine: limitedEngine(engines, stage),
  }));
  if (told.length === 0) return null;
  return (
    <>
      <h3 className={styles.heading}>{t("engines.limits")}</h3>
      <dl className={styles.limits}>
        {told.map(({ stage, engine }) => (
          <div key={stage}>
            <dt>{t(`engines.stage.${stage}`)}</dt>
            <dd>
              {engine && <p>{t(`engines.known.${engine}`)}</p>}
              <EngineNotice engine={engines[stage]} />
            </dd>
          </div>
        ))}
      </dl>
    </>
  );
}

/** What the engine says of itself, in the page's language where the page has the words. */
function EngineNotice({ engine }: { engine: EngineInfo }) {
  const { t } = useTranslation();
  const known = engine.kind === "remote" ? null : knownEngine(engine.name);
  if (known) return <p className="faint">{t(`engines.notice.${known}`)}</p>;
  return (
    <p lang="en" className="faint">
      {engine.notice}
    </p>
  );
}

/** Creative Commons' NC, as F5-TTS's published weights have it. */
function isNonCommercial({ licence }: EngineInfo): boolean {
  return /\bNC\b/i.test(licence ?? "");
}

function isModest(engines: Engines): boolean {
  return STAGES.some((stage) => engines[stage].kind === "embedded");
}

function summary(engines: Engines): string {
  return [...new Set(STAGES.map((stage) => engines[stage].name))].join(" · ");
}
