/** What `lang` of `text` is: screen readers choose their voice, and browsers line breaks, by it. */
export function languageOf(text: string): string | undefined {
  return /\p{Script=Han}/u.test(text)
    ? "zh-Hant-TW"
    : /\p{Script=Latin}/u.test(text)
      ? "en"
      : undefined;
}
