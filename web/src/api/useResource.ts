import { useCallback, useEffect, useState } from "react";
import { ApiError, getJson } from "./client";

export interface Resource<T> {
  /** the last answer; stays while it is read again */
  data: T | null;
  failure: ApiError | null;
  loading: boolean;
  reload(): void;
}

/** Read `path`, again when it changes, and every `everyMs` where that is given. */
export function useResource<T>(path: string, everyMs?: number): Resource<T> {
  const [state, setState] = useState<Omit<Resource<T>, "reload">>(BLANK);
  const [round, setRound] = useState(0);
  const reload = useCallback(() => setRound((was) => was + 1), []);

  // biome-ignore lint/correctness/useExhaustiveDependencies: another round reads it again
  useEffect(() => {
    const stop = new AbortController();
    setState((was) => ({ ...was, loading: true }));
    getJson<T>(path, stop.signal).then(
      (data) => setState({ data, failure: null, loading: false }),
      (error: unknown) => {
        if (stop.signal.aborted) return;
        setState((was) => ({ ...was, failure: asApiError(error), loading: false }));
      },
    );
    return () => stop.abort();
  }, [path, round]);

  useEffect(() => {
    if (!everyMs) return;
    const timer = setInterval(reload, everyMs);
    return () => clearInterval(timer);
  }, [everyMs, reload]);

  return { ...state, reload };
}

const BLANK = { data: null, failure: null, loading: true };

/** `error` as something that can be shown. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  return new ApiError("INTERNAL", error instanceof Error ? error.message : String(error));
}
