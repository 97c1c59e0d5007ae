import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { Icon } from "../../components/Icon";
import { useChat, useSettings } from "../../state/context";
import { hindrance, lossesOf } from "../../state/notices";
import { useStore } from "../../state/store";
import styles from "./ChatPage.module.css";
import { Dock } from "./Dock";
import { EnginesButton } from "./EnginesPanel";
import { Greeting } from "./Greeting";
import { Problems } from "./Problems";
import { phaseOf } from "./phase";
import { Transcript } from "./Transcript";
import { useEar } from "./useEar";

/** The page to talk on. */
export function ChatPage() {
  const { t } = useTranslation();
  const chat = useChat();
  const conversation = useStore(chat.conversation);
  const link = useStore(chat.link);
  const microphone = useStore(chat.speech.microphone);
  const answer = useStore(chat.speaking);
  const replay = useStore(chat.replay.playing);
  const speaking = answer || replay !== null;
  const givingWay = useStore(chat.givingWay);
  const [{ ttsMode, handsFree }] = useSettings();
  const hindered = hindrance(lossesOf(conversation.away, ttsMode));
  const now = { link, microphone, conversation, handsFree, speaking, givingWay, hindered };
  const phase = phaseOf(now);

  // A conversation that can't be fetched must not keep anybody from beginning another.
  const stuck = link.phase === "waiting" && link.thread !== null;

  useTitle();
  useEffect(() => chat.connect(), [chat]);
  useEar();
  useWakeup();
  useWakefulness(microphone.phase === "on");

  return (
    <div className={styles.page} data-whole-window>
      <h1 className="sr-only">{t("chat.title")}</h1>
      <div className={styles.tools}>
        <EnginesButton />
        {(conversation.turns.length > 0 || stuck) && (
          <button type="button" className="button quiet" onClick={() => chat.renew()}>
            <Icon name="plus" size={18} />
            {t("chat.newConversation")}
          </button>
        )}
      </div>
      {conversation.turns.length > 0 ? <Transcript turns={conversation.turns} /> : <Greeting />}
      <div className={styles.foot}>
        <Problems />
        <Dock phase={phase} />
      </div>
    </div>
  );
}

function useTitle(): void {
  const { t } = useTranslation();
  const title = `${t("app.talk")} · AVATAR`;
  useEffect(() => {
    document.title = title;
  }, [title]);
}

/** When the network is back, or the laptop was opened, the next attempt is made at once. */
function useWakeup(): void {
  const chat = useChat();
  useEffect(() => {
    const wake = () => {
      if (document.visibilityState === "visible") chat.wake();
    };
    window.addEventListener("online", wake);
    document.addEventListener("visibilitychange", wake);
    return () => {
      window.removeEventListener("online", wake);
      document.removeEventListener("visibilitychange", wake);
    };
  }, [chat]);
}

/** A phone's screen stays on while it listens: it would close the microphone with it. */
function useWakefulness(listening: boolean): void {
  useEffect(() => {
    if (!listening || !navigator.wakeLock) return;
    const lock = navigator.wakeLock.request("screen");
    // A refusal (a low battery, say) changes nothing but the screen.
    lock.catch(() => undefined);
    return () => void lock.then((held) => held.release()).catch(() => undefined);
  }, [listening]);
}
