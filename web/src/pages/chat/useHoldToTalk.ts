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
    const down = (event: KeyboardEvent) => {
      if (event.code !== "Space" || hasModifier(event) || isTaken(event.target)) return;
      event.preventDefault();
      if (!event.repeat) take({ kind: "down", at: performance.now() });
    };
    const up = (event: KeyboardEvent) => {
      if (event.code !== "Space" || isTaken(event.target)) return;
      event.preventDefault();
      take({ kind: "up", at: performance.now() });
    };
    const leave = () => take({ kind: "cancel" });
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
  return event.ctrlKey || event.altKey || event.metaKey || event.isComposing;
}

/** Whether the space bar means something else where the focus is. */
function isTaken(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.closest("[data-talk]")) return false;
  return target.closest("input, textarea, select, button, a, summary, audio, dialog") !== null;
}
