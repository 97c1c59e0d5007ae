import { type ReactNode, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { NavLink, useLocation } from "react-router";
import { useSettings } from "../state/context";
import { isDark } from "../theme/theme";
import { Icon } from "./Icon";
import styles from "./Shell.module.css";
import { StopAnswer } from "./StopAnswer";

const PAGES = [
  ["/chat", "app.talk"],
  ["/voice-profiles", "app.voices"],
  ["/history", "app.history"],
  ["/status", "app.status"],
  ["/settings", "app.settings"],
] as const;

/** The frame of every page: name, ways to the others, colours and language. */
export function Shell({ children }: { children: ReactNode }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  const main = useFocusOnArrival();
  return (
    <div className={styles.shell}>
      <a className={styles.skip} href="#main">
        {t("app.skip")}
      </a>
      <header className={styles.bar}>
        <NavLink to="/chat" className={styles.name}>
          <Mark />
          {t("app.name")}
        </NavLink>
        <nav aria-label={t("app.navigation")} id="menu" data-open={open} className={styles.nav}>
          {PAGES.map(([path, label]) => (
            <NavLink key={path} to={path} onClick={() => setOpen(false)}>
              {t(label)}
            </NavLink>
          ))}
        </nav>
        <div className={styles.tools}>
          <StopAnswer />
          <LanguageButton />
          <ThemeButton />
          <button
            type="button"
            className={`icon-button ${styles.menu}`}
            aria-label={t("app.menu")}
            aria-expanded={open}
            aria-controls="menu"
            onClick={() => setOpen(!open)}
          >
            <Icon name={open ? "close" : "menu"} />
          </button>
        </div>
      </header>
      <main id="main" ref={main} tabIndex={-1} className={styles.main}>
        {children}
      </main>
    </div>
  );
}

/** On another page the keyboard and screen readers begin at its content, not where they were. */
function useFocusOnArrival() {
  const main = useRef<HTMLElement>(null);
  const { pathname } = useLocation();
  const was = useRef(pathname);
  useEffect(() => {
    if (was.current !== pathname) main.current?.focus({ preventScroll: true });
    was.current = pathname;
  }, [pathname]);
  return main;
}

function Mark() {
  return (
    <svg aria-hidden="true" width="26" height="26" viewBox="0 0 32 32" className={styles.mark}>
      <rect width="32" height="32" rx="9" />
      <path d="M4 17h5c2 0 2-7 4-7s2.500 13 5 13 2.500-6 4-6h6" />
    </svg>
  );
}

function LanguageButton() {
  const { t } = useTranslation();
  const [{ locale }, change] = useSettings();
  const other = locale === "en" ? "zh-TW" : "en";
  return (
    <button
      type="button"
      className={`button quiet ${styles.language}`}
      lang={other === "en" ? "en" : "zh-Hant-TW"}
      aria-label={t("app.otherLanguageLabel")}
      onClick={() => change({ locale: other })}
    >
      {t("app.otherLanguage")}
    </button>
  );
}

function ThemeButton() {
  const { t } = useTranslation();
  const [{ theme }, change] = useSettings();
  const next = isDark(theme) ? "light" : "dark";
  return (
    <button
      type="button"
      className="icon-button"
      aria-label={t(`app.theme.${next}`)}
      title={t(`app.theme.${next}`)}
      onClick={() => change({ theme: next })}
    >
      <Icon name={next === "light" ? "sun" : "moon"} />
    </button>
  );
}
