import { useTranslation } from "react-i18next";
import { useResource } from "../../api/useResource";
import { Loaded } from "../../components/Loaded";
import { Page } from "../../components/Page";
import type { VoiceProfilePage } from "../../contract/generated";
import { AddVoice } from "./AddVoice";
import { VoiceCard } from "./VoiceCard";
import styles from "./Voices.module.css";

/** The voices that AVATAR can answer in. */
export default function VoicesPage() {
  const { t } = useTranslation();
  const resource = useResource<VoiceProfilePage>("/api/voice-profiles");
  return (
    <Page title={t("voices.title")} intro={t("voices.intro")}>
      <Loaded resource={resource}>
        {({ items }) =>
          items.length === 0 ? (
            <p className={styles.empty}>{t("voices.empty")}</p>
          ) : (
            <ul className={styles.list}>
              {items.map((voice) => (
                <VoiceCard key={voice.id} voice={voice} onChanged={resource.reload} />
              ))}
            </ul>
          )
        }
      </Loaded>
      <AddVoice onAdded={resource.reload} />
    </Page>
  );
}
