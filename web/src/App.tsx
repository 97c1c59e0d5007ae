import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";
import { Link, Navigate, Route, Routes } from "react-router";
import { Gate } from "./components/Gate";
import { Shell } from "./components/Shell";
import { ChatPage } from "./pages/chat/ChatPage";

const HistoryPage = lazy(() => import("./pages/history/HistoryPage"));
const ConversationPage = lazy(() => import("./pages/history/ConversationPage"));
const StatusPage = lazy(() => import("./pages/status/StatusPage"));
const SettingsPage = lazy(() => import("./pages/settings/SettingsPage"));
const VoicesPage = lazy(() => import("./pages/voices/VoicesPage"));

export function App() {
  const { t } = useTranslation();
  return (
    <Shell>
      <Gate>
        <Suspense fallback={<p className="page faint">{t("common.loading")}</p>}>
          <Routes>
            <Route path="/" element={<Navigate to="/chat" replace />} />
            <Route path="/chat" element={<ChatPage />} />
            <Route path="/history" element={<HistoryPage />} />
            <Route path="/history/:sessionId" element={<ConversationPage />} />
            <Route path="/status" element={<StatusPage />} />
            <Route path="/settings" element={<SettingsPage />} />
            <Route path="/voice-profiles" element={<VoicesPage />} />
            <Route path="*" element={<NotFound />} />
          </Routes>
        </Suspense>
      </Gate>
    </Shell>
  );
}

function NotFound() {
  const { t } = useTranslation();
  return (
    <div className="page">
      <h1>{t("common.notFound")}</h1>
      <p>
        <Link to="/chat">{t("common.home")}</Link>
      </p>
    </div>
  );
}
