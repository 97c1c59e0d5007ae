import { useTranslation } from "react-i18next";
import { useResource } from "../../api/useResource";
import { canRecord } from "../../audio/recorder";
import { Page } from "../../components/Page";
import type { VoiceProfilePage } from "../../contract/generated";
import { useSettings } from "../../state/context";
import { Choice, Group, Row, Switch } from "./fields";
import styles from "./Settings.module.css";

/** What a person can choose. */
export default function SettingsPage() {
  const { t } = useTranslation();
  return (
    <Page title={t("settings.title")} intro={t("settings.intro")}>
      <div className={styles.groups}>
        <Appearance />
        <Conversation />
        <Voice />
        <Sound />
      </div>
    </Page>
  );
}

function Appearance() {
  const { t } = useTranslation();
  const [settings, change] = useSettings();
  return (
    <Group title={t("settings.appearance")}>
      <Choice
        label={t("settings.locale")}
        value={settings.locale}
        options={[
          ["zh-TW", "繁體中文"],
          ["en", "English"],
        ]}
        onChange={(locale) => change({ locale })}
      />
      <Choice
        label={t("settings.theme")}
        value={settings.theme}
        options={[
          ["system", t("settings.themes.system")],
          ["light", t("settings.themes.light")],
          ["dark", t("settings.themes.dark")],
        ]}
        onChange={(theme) => change({ theme })}
      />
    </Group>
  );
}

function Conversation() {
  const { t } = useTranslation();
  const [settings, change] = useSettings();
  return (
    <Group title={t("settings.conversation")}>
      <Choice
        label={t("settings.language")}
        value={settings.language}
        options={[
          ["auto", t("settings.languages.auto")],
          ["zh", t("settings.languages.zh")],
          ["en", t("settings.languages.en")],
        ]}
        onChange={(language) => change({ language })}
      />
      <Switch
        label={t("settings.handsFree")}
        hint={t("settings.handsFreeHint")}
        value={settings.handsFree}
        onChange={(handsFree) => change({ handsFree })}
      />
      <Row label={t("settings.patience")} hint={t("settings.patienceHint")}>
        {(id) => (
          <div className={styles.range}>
            <span className="faint">{t("settings.eager")}</span>
            <input
              id={id}
              type="range"
              min={0}
              max={1}
              step={0.1}
              value={settings.patience}
              onChange={(event) => change({ patience: event.target.valueAsNumber })}
            />
            <span className="faint">{t("settings.patient")}</span>
          </div>
        )}
      </Row>
      <Row label={t("settings.instructions")} hint={t("settings.instructionsHint")}>
        {(id) => (
          <textarea
            id={id}
            className="field"
            rows={3}
            maxLength={8000}
            defaultValue={settings.instructions}
            onBlur={(event) => change({ instructions: event.target.value.trim() })}
          />
        )}
      </Row>
    </Group>
  );
}

function Voice() {
  const { t } = useTranslation();
  const [settings, change] = useSettings();
  const { data } = useResource<VoiceProfilePage>("/api/voice-profiles");
  const profiles = (data?.items ?? []).map((profile) => [profile.id, profile.name] as const);
  return (
    <Group title={t("settings.voice")}>
      <Choice
        label={t("settings.profile")}
        value={settings.voiceProfileId ?? ""}
        options={[["", t("settings.defaultProfile")], ...profiles]}
        onChange={(id) => change({ voiceProfileId: id || null })}
      />
      <Choice
        label={t("settings.ttsMode")}
        value={settings.ttsMode}
        options={[
          ["fast", t("settings.ttsModes.fast")],
          ["hq", t("settings.ttsModes.hq")],
        ]}
        onChange={(ttsMode) => change({ ttsMode })}
      />
      <Switch
        label={t("settings.selfClone")}
        hint={t("settings.selfCloneHint")}
        value={settings.selfClone}
        onChange={(selfClone) => change({ selfClone })}
      />
      <Switch
        label={t("settings.storeAudio")}
        hint={t("settings.storeAudioHint")}
        value={settings.storeAudio}
        onChange={(storeAudio) => change({ storeAudio })}
      />
    </Group>
  );
}

function Sound() {
  const { t } = useTranslation();
  const [settings, change] = useSettings();
  return (
    <Group title={t("settings.sound")}>
      <Switch
        label={t("settings.processed")}
        hint={t("settings.processedHint")}
        value={settings.processed}
        onChange={(processed) => change({ processed })}
      />
      <Choice
        label={t("settings.microphone")}
        value={settings.microphone}
        options={[
          ["pcm", t("settings.microphones.pcm")],
          ...(canRecord() ? [["webm", t("settings.microphones.webm")] as const] : []),
        ]}
        onChange={(microphone) => change({ microphone })}
      />
      <Choice
        label={t("settings.transport")}
        value={settings.transport}
        options={[
          ["binary", t("settings.transports.binary")],
          ["json", t("settings.transports.json")],
        ]}
        onChange={(transport) => change({ transport })}
      />
    </Group>
  );
}
