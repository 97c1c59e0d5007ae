import type { ThemeChoice } from "../state/settings";

const DARK = "(prefers-color-scheme: dark)";

/** Set the document's colours to `choice`, and follow the system where it says so. */
export function applyTheme(choice: ThemeChoice): void {
  const dark = choice === "dark" || (choice === "system" && prefersDark());
  document.documentElement.dataset.theme = dark ? "dark" : "light";
}

/** Call `changed` when the system's colours change. */
export function watchSystemTheme(changed: () => void): () => void {
  const query = window.matchMedia(DARK);
  query.addEventListener("change", changed);
  return () => query.removeEventListener("change", changed);
}

/** Whether the document is dark now. */
export function isDark(choice: ThemeChoice): boolean {
  return choice === "system" ? prefersDark() : choice === "dark";
}

function prefersDark(): boolean {
  return window.matchMedia(DARK).matches;
}
