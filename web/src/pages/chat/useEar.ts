import { useEffect } from "react";
import { useChat, useSettings } from "../../state/context";

/**
 * Opens the ear in hands-free, and closes the microphone when one leaves the page.
 *
 * Hands-free that was left on goes on by itself where the browser asks nobody; where it would ask,
 * it waits for a press, and the page says so (StatusLine).
 */
export function useEar(): void {
  const chat = useChat();
  const [{ handsFree }] = useSettings();
  useEffect(() => {
    let left = false;
    const open = async () => {
      if ((await mayListen()) && !left) await chat.listen(true);
    };
    if (handsFree) void open();
    return () => {
      left = true;
      chat.replay.stop(false);
      void chat.speech.close();
    };
  }, [handsFree, chat]);
}

/** Whether the person has touched the page since it was loaded, or has allowed it the microphone. */
async function mayListen(): Promise<boolean> {
  if (navigator.userActivation?.hasBeenActive) return true;
  try {
    return (await navigator.permissions.query({ name: "microphone" })).state === "granted";
  } catch {
    // A browser without the question, or a page without a microphone.
    return false;
  }
}
