import { useTranslation } from "react-i18next";
import { Link, Navigate, Route, Routes, useLocation } from "react-router";
import { ErrorBoundary } from "./components/ErrorBoundary";
import { Gate } from "./components/Gate";
import { pageOf } from "./components/pageOf";
import { Shell } from "./components/Shell";
import { ChatPage } from "./pages/chat/ChatPage";

const HistoryPage = pageOf(() => import("./pages/history/HistoryPage"));
const ConversationPage = pageOf(() => import("./pages/history/ConversationPage"));
const StatusPage = pageOf(() => import("./pages/status/StatusPage"));
const SettingsPage = pageOf(() => import("./pages/settings/SettingsPage"));
const VoicesPage = pageOf(() => import("./pages/voices/VoicesPage"));

export function App() {
  const { pathname } = useLocation();
  return (
    <Shell>
      <Gate>
        <ErrorBoundary key={pathname}>
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
        </ErrorBoundary>
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
