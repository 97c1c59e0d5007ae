import { useEffect, useRef } from "react";

/** Esc does `stop` wherever the focus is, unless it closes something first. */
export function useEscape(stop: () => void): void {
  const latest = useRef(stop);
  latest.current = stop;
  useEffect(() => {
    const down = (event: KeyboardEvent) => {
      if (event.key !== "Escape" || event.isComposing || event.defaultPrevented) return;
      const closing = event.target instanceof Element && event.target.closest("dialog");
      if (!closing) latest.current();
    };
    document.addEventListener("keydown", down);
    return () => document.removeEventListener("keydown", down);
  }, []);
}
