import { useTranslation } from "react-i18next";
import { FailureNote } from "./FailureNote";
import type { PageProblem } from "./pageChunk";

interface Properties {
  problem: PageProblem;
  /** the failure as the program says it; for whoever is asked for help */
  detail: string;
  onRetry(): void;
}

/** Stands where a page should: why it isn't there, and a way to try again. */
export function PageFailure({ problem, detail, onRetry }: Properties) {
  const { t } = useTranslation();
  const words = t(`broken.${problem}`);
  return (
    <div className="page">
      <FailureNote
        failure={{ code: "INTERNAL", message: detail, retryAfterS: null }}
        words={{ INTERNAL: words }}
        onRetry={onRetry}
      />
    </div>
  );
}
