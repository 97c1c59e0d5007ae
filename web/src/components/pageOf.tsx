import { type ComponentType, useCallback, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { PageFailure } from "./PageFailure";
import { browserOutside, ChunkError, type ChunkOutside, loadChunk } from "./pageChunk";

/**
 * A page whose code is loaded when it is first shown.
 *
 * React's `lazy` keeps a failure for ever; this one can be tried again.
 */
export function pageOf(
  load: () => Promise<{ default: ComponentType }>,
  outside: ChunkOutside = browserOutside,
): ComponentType {
  let loaded: ComponentType | null = null;
  return function LazyPage() {
    const { t } = useTranslation();
    const [Page, setPage] = useState(() => loaded);
    const [failure, setFailure] = useState<ChunkError | null>(null);

    const fetchPage = useCallback(async () => {
      setFailure(null);
      try {
        loaded = (await loadChunk(load, outside)).default;
        setPage(() => loaded);
      } catch (error) {
        setFailure(error instanceof ChunkError ? error : new ChunkError("crashed", error));
      }
    }, []);

    useEffect(() => {
      if (!loaded) void fetchPage();
    }, [fetchPage]);

    if (Page) return <Page />;
    if (!failure) return <p className="page faint">{t("common.loading")}</p>;
    return (
      <PageFailure
        problem={failure.problem}
        detail={failure.message}
        onRetry={() => void fetchPage()}
      />
    );
  };
}
