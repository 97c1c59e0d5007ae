import type { ErrorCode, Problem } from "../contract/generated";
import { Store } from "../state/store";

/** A REST call that failed; `NETWORK` when no answer came. */
export class ApiError extends Error {
  constructor(
    readonly code: ErrorCode | "NETWORK",
    message: string,
    readonly retryAfterS: number | null = null,
    cause?: unknown,
    readonly reason: string | null = null,
  ) {
    super(message, { cause });
    this.name = "ApiError";
  }
}

/** Whether the gateway asked for a key that the page doesn't have. */
export const locked = new Store(false);

/** GET `path` and read its JSON. */
export async function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await (await call(path, { signal })).json()) as T;
}

/** Send `body` as JSON and read the JSON that comes back. */
export async function sendJson<T>(method: "POST" | "PUT", path: string, body: unknown): Promise<T> {
  const headers = { "Content-Type": "application/json" };
  return (await (await call(path, { method, headers, body: JSON.stringify(body) })).json()) as T;
}

/** Fetch `path`; an answer that isn't good is thrown as an ApiError. */
export async function call(path: string, init: RequestInit = {}): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(path, init);
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new ApiError("NETWORK", "", null, error);
  }
  if (answer.ok) return answer;
  if (answer.status === 401) locked.set(true);
  throw await problemOf(answer);
}

async function problemOf(answer: Response): Promise<ApiError> {
  const kind = answer.headers.get("content-type") ?? "";
  if (!kind.includes("json")) return new ApiError("INTERNAL", `HTTP ${answer.status}`);
  const problem = (await answer.json()) as Partial<Problem>;
  return new ApiError(
    problem.code ?? "INTERNAL",
    problem.detail ?? `HTTP ${answer.status}`,
    problem.retry_after_s ?? null,
    undefined,
    problem.reason ?? null,
  );
}
