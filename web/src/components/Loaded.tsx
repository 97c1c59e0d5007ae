import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { Resource } from "../api/useResource";
import { FailureNote } from "./FailureNote";

interface Properties<T> {
  resource: Resource<T>;
  children(data: T): ReactNode;
}

/** What was read, or that it is being read, or why it can't be. */
export function Loaded<T>({ resource, children }: Properties<T>) {
  const { t } = useTranslation();
  const { data, failure, loading, reload } = resource;
  return (
    <>
      {failure && <FailureNote failure={failure} onRetry={reload} />}
      {data !== null && children(data)}
      {data === null && loading && <p className="faint">{t("common.loading")}</p>}
    </>
  );
}
