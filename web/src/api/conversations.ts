import type { ConversationView, ResumeGranted } from "../contract/generated";
import { ApiError, call, getJson } from "./client";

/** A page that was reloaded waits so long for its turns before it goes on without them, ms. */
const READ_MS = 4000;

export function conversationPath(sessionId: string): string {
  return `/api/conversation/${encodeURIComponent(sessionId)}`;
}

/** What the store has of a conversation; null when it has none of it. */
export async function storedConversation(sessionId: string): Promise<ConversationView | null> {
  try {
    return await getJson(conversationPath(sessionId), AbortSignal.timeout(READ_MS));
  } catch (error) {
    if (error instanceof ApiError && error.code === "NOT_FOUND") return null;
    throw error;
  }
}

/** A token to go on with an old conversation. */
export async function resumable(sessionId: string): Promise<ResumeGranted> {
  const answer = await call(`${conversationPath(sessionId)}/resume`, { method: "POST" });
  return (await answer.json()) as ResumeGranted;
}
