import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Icon } from "../../components/Icon";
import styles from "./Timings.module.css";

/** Hear a stored answer again. */
export function ReplayButton({ url }: { url: string }) {
  const { t } = useTranslation();
  const audio = useRef<HTMLAudioElement>(null);
  const [playing, setPlaying] = useState(false);

  useEffect(() => {
    const element = audio.current;
    return () => element?.pause();
  }, []);

  const toggle = () => {
    const element = audio.current;
    if (!element) return;
    if (!playing) return void element.play();
    element.pause();
    element.currentTime = 0;
  };

  return (
    <>
      <button type="button" className={styles.small} onClick={toggle}>
        <Icon name={playing ? "stop" : "play"} size={14} />
        {t(playing ? "chat.stopReplay" : "chat.replay")}
      </button>
      {/* biome-ignore lint/a11y/useMediaCaption: the words are on the page */}
      <audio
        ref={audio}
        src={url}
        preload="none"
        onPlay={() => setPlaying(true)}
        onPause={() => setPlaying(false)}
      />
    </>
  );
}
