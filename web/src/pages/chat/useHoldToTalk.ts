import {
  type MouseEvent,
  type PointerEvent,
  useCallback,
  useEffect,
  useRef,
  useState,
} from "react";
import { type Press, type PressEvent, press } from "./pressGesture";

interface Hold {
  state: Press;
  button: {
    onPointerDown(event: PointerEvent<HTMLButtonElement>): void;
    onPointerUp(): void;
    onPointerCancel(): void;
    onClick(event: MouseEvent<HTMLButtonElement>): void;
  };
  /** Give the gesture up, as when no microphone opened. */
  reset(): void;
}

/** Talking by button, touch, space bar or assistive technology. */
export function useHoldToTalk(enabled: boolean, start: () => void, end: () => void): Hold {
  const current = useRef<Press>({ kind: "idle" });
  const [state, setState] = useState<Press>(current.current);
  const act = useRef({ start, end });
  act.current = { start, end };

  const take = useCallback((event: PressEvent) => {
    const [next, action] = press(current.current, event);
    current.current = next;
    setState(next);
    if (action) act.current[action]();
  }, []);

  useSpaceBar(enabled, take);

  return {
    state,
    button: {
      onPointerDown: (event) => {
        if (event.button !== 0) return;
        event.currentTarget.setPointerCapture?.(event.pointerId);
        take({ kind: "down", at: performance.now() });
      },
      onPointerUp: () => take({ kind: "up", at: performance.now() }),
      onPointerCancel: () => take({ kind: "cancel" }),
      onClick: (event) => {
        if (event.detail === 0) take({ kind: "toggle" });
      },
    },
    reset: useCallback(() => {
      current.current = { kind: "idle" };
      setState(current.current);
    }, []),
  };
}

function useSpaceBar(enabled: boolean, take: (event: PressEvent) => void): void {
  useEffect(() => {
    if (!enabled) return;
    // A press belongs to the microphone from its beginning to its end, wherever the focus goes.
    let ours = false;
    const down = (event: KeyboardEvent) => {
      if (event.code !== "Space" || hasModifier(event)) return;
      if (!event.repeat) ours = !isTaken(event.target);
      if (!ours) return;
      event.preventDefault();
      if (!event.repeat) take({ kind: "down", at: performance.now() });
    };
    const up = (event: KeyboardEvent) => {
      if (event.code !== "Space" || !ours) return;
      ours = false;
      event.preventDefault();
      take({ kind: "up", at: performance.now() });
    };
    const leave = () => {
      ours = false;
      take({ kind: "cancel" });
    };
    document.addEventListener("keydown", down);
    document.addEventListener("keyup", up);
    window.addEventListener("blur", leave);
    return () => {
      document.removeEventListener("keydown", down);
      document.removeEventListener("keyup", up);
      window.removeEventListener("blur", leave);
    };
  }, [enabled, take]);
}

function hasModifier(event: KeyboardEvent): boolean {
  const composing = event.isComposing || event.key === "Process";
  return event.ctrlKey || event.altKey || event.metaKey || composing;
}

/** Whether the space bar means something else where the focus is; no message begins with a space. */
function isTaken(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.closest("[data-talk]")) return false;
  if (target instanceof HTMLTextAreaElement && target.matches("[data-composer]")) {
    return target.value !== "";
  }
  return target.closest("input, textarea, select, button, a, summary, audio, dialog") !== null;
}
