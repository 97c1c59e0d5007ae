import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { formatDuration } from "../i18n/format";
import { Icon } from "./Icon";
import styles from "./SoundPlayer.module.css";

interface Properties {
  url: string;
  label: string;
  /** length, known before anything is loaded */
  ms: number;
}

/** A stored sound: play, and a bar to move in it. Nothing is loaded before it is played. */
export function SoundPlayer({ url, label, ms }: Properties) {
  const { t } = useTranslation();
  const audio = useRef<HTMLAudioElement>(null);
  const [playing, setPlaying] = useState(false);
  const [at, setAt] = useState(0);

  const toggle = () => {
    if (playing) audio.current?.pause();
    else void audio.current?.play();
  };

  const seek = (seconds: number) => {
    if (audio.current) audio.current.currentTime = seconds;
    setAt(seconds);
  };

  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for forms
    <div className={styles.player} role="group" aria-label={label}>
      <button
        type="button"
        className="icon-button"
        aria-label={`${t(playing ? "player.pause" : "player.play")}: ${label}`}
        onClick={toggle}
      >
        <Icon name={playing ? "pause" : "play"} size={18} />
      </button>
      <input
        type="range"
        min={0}
        max={ms / 1000}
        step={0.1}
        value={Math.min(at, ms / 1000)}
        aria-label={t("player.place")}
        aria-valuetext={formatDuration(at * 1000)}
        onChange={(event) => seek(event.target.valueAsNumber)}
      />
      <span className={styles.time}>
        {formatDuration(at * 1000)} / {formatDuration(ms)}
      </span>
      {/* biome-ignore lint/a11y/useMediaCaption: the words are beside it */}
      <audio
        ref={audio}
        src={url}
        preload="none"
        onPlay={() => setPlaying(true)}
        onPause={() => setPlaying(false)}
        onTimeUpdate={(event) => setAt(event.currentTarget.currentTime)}
        onEnded={() => seek(0)}
      />
    </div>
  );
}
