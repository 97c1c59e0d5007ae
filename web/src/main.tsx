import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { I18nextProvider } from "react-i18next";
import { BrowserRouter } from "react-router";
import "@fontsource-variable/atkinson-hyperlegible-next";
import "./theme/tokens.css";
import "./theme/base.css";
import { App } from "./App";
import { getJson } from "./api/client";
import { storedConversation } from "./api/conversations";
import { browserSource } from "./audio/source";
import { ErrorBoundary } from "./components/ErrorBoundary";
import { documentLanguage, startWords } from "./i18n";
import { chatAddress } from "./protocol/chatSocket";
import { Chat } from "./state/chat";
import { ServicesProvider } from "./state/context";
import { newId } from "./state/ids";
import { settingsStore } from "./state/settings";
import { tabMemory } from "./state/thread";
import { applyTheme, watchSystemTheme } from "./theme/theme";

async function start(root: HTMLElement): Promise<void> {
  const settings = settingsStore(localStorage, navigator.languages);
  const words = await startWords(settings.get().locale);
  const dress = () => {
    const { theme, locale } = settings.get();
    applyTheme(theme);
    document.documentElement.lang = documentLanguage(locale);
    if (words.language !== locale) void words.changeLanguage(locale);
  };
  dress();
  settings.watch(dress);
  watchSystemTheme(dress);
  const memory = tabMemory(sessionStorage, navigator.locks);
  addEventListener("pagehide", () => memory.leave());
  const chat = new Chat(settings, {
    connect: () => new WebSocket(chatAddress(location)),
    source: browserSource,
    newAudio: () => new Audio(),
    newId,
    now: () => Date.now(),
    memory,
    readConversation: storedConversation,
    // A 401 here locks the page (api/client); anything else is shown by the link's own state.
    onRefused: () => void getJson("/api/status").catch(() => undefined),
  });
  createRoot(root).render(
    <StrictMode>
      <I18nextProvider i18n={words}>
        <ServicesProvider value={{ chat, settings }}>
          <BrowserRouter>
            <ErrorBoundary>
              <App />
            </ErrorBoundary>
          </BrowserRouter>
        </ServicesProvider>
      </I18nextProvider>
    </StrictMode>,
  );
}

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no #root.");
void start(root);
