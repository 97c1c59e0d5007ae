import { type FormEvent, type ReactNode, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { type ApiError, call, locked } from "../api/client";
import { asApiError } from "../api/useResource";
import { useChat } from "../state/context";
import { useStore } from "../state/store";
import { FailureNote } from "./FailureNote";
import { Page } from "./Page";

/** Asks for the key where the gateway wants one; the cookie that it gives back is the browser's. */
export function Gate({ children }: { children: ReactNode }) {
  return useStore(locked) ? <KeyForm /> : children;
}

function KeyForm() {
  const { t } = useTranslation();
  const chat = useChat();
  const [key, setKey] = useState("");
  const [failure, setFailure] = useState<ApiError | null>(null);
  const label = useId();

  const enter = async (event: FormEvent) => {
    event.preventDefault();
    const headers = { "Content-Type": "application/json" };
    try {
      await call("/api/login", { method: "POST", headers, body: JSON.stringify({ key }) });
    } catch (error) {
      return setFailure(asApiError(error));
    }
    locked.set(false);
    chat.reconnect();
  };

  return (
    <Page title={t("gate.title")} intro={t("gate.intro")}>
      <form className="stack" onSubmit={enter}>
        <label htmlFor={label}>{t("gate.key")}</label>
        <input
          id={label}
          className="field"
          type="password"
          autoComplete="current-password"
          value={key}
          onChange={(event) => setKey(event.target.value)}
        />
        {failure && <FailureNote failure={failure} />}
        <button type="submit" className="button primary" disabled={!key}>
          {t("gate.enter")}
        </button>
      </form>
    </Page>
  );
}
