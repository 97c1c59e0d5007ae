/**
 * Hold to talk, or press to start and press to end: one button for fingers, keys and screen readers.
 *
 * A press shorter than `TAP_MS` leaves the microphone open until the next press, because nobody says
 * anything in that time, and because not everybody can hold a button.
 */

export const TAP_MS = 280;

export type Press =
  | { kind: "idle" }
  | { kind: "held"; since: number }
  | { kind: "latched" }
  /** a press that ended the talking is still down */
  | { kind: "ending" };

export type PressEvent =
  | { kind: "down"; at: number }
  | { kind: "up"; at: number }
  /** a click without a pointer: Enter, or a screen reader */
  | { kind: "toggle" }
  /** the pointer was taken away, or the window left */
  | { kind: "cancel" };

export type PressAction = "start" | "end" | null;

/** The next state, and what is to be done. */
export function press(state: Press, event: PressEvent): [Press, PressAction] {
  switch (event.kind) {
    case "down":
      if (state.kind === "idle") return [{ kind: "held", since: event.at }, "start"];
      return state.kind === "latched" ? [{ kind: "ending" }, "end"] : [state, null];
    case "up":
      return released(state, event.at);
    case "toggle":
      return state.kind === "idle" ? [{ kind: "latched" }, "start"] : [{ kind: "idle" }, "end"];
    case "cancel":
      return state.kind === "held" ? [{ kind: "idle" }, "end"] : [state, null];
  }
}

function released(state: Press, at: number): [Press, PressAction] {
  if (state.kind === "ending") return [{ kind: "idle" }, null];
  if (state.kind !== "held") return [state, null];
  if (at - state.since < TAP_MS) return [{ kind: "latched" }, null];
  return [{ kind: "idle" }, "end"];
}
