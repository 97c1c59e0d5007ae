import i18next, { type i18n } from "i18next";
import { initReactI18next } from "react-i18next";
import type { Locale } from "../state/settings";
import { en } from "./en";
import { zhTW } from "./zh-TW";

/** The page's texts, at `locale`. */
export async function startWords(locale: Locale): Promise<i18n> {
  const instance = i18next.createInstance();
  await instance.use(initReactI18next).init({
    lng: locale,
    fallbackLng: "en",
    resources: { en: { translation: en }, "zh-TW": { translation: zhTW } },
    interpolation: { escapeValue: false },
    returnObjects: true,
  });
  return instance;
}

/** What `lang` of the document is for `locale`. */
export function documentLanguage(locale: Locale): string {
  return locale === "zh-TW" ? "zh-Hant-TW" : "en";
}
