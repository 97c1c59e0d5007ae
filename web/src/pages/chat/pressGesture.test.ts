import { describe, expect, it } from "vitest";
import { type Press, type PressEvent, press, TAP_MS } from "./pressGesture";

const down = (at: number): PressEvent => ({ kind: "down", at });
const up = (at: number): PressEvent => ({ kind: "up", at });

function actions(events: PressEvent[]): string {
  let state: Press = { kind: "idle" };
  return events
    .map((event) => {
      const [next, action] = press(state, event);
      state = next;
      return action ?? "-";
    })
    .join(" ");
}

describe("the talk button", () => {
  it.each<[string, PressEvent[], string]>([
    ["held", [down(0), up(TAP_MS + 1)], "start end"],
    ["tapped, and tapped again", [down(0), up(90), down(2000), up(2090)], "start - end -"],
    ["tapped, then pressed long", [down(0), up(90), down(2000), up(4000)], "start - end -"],
    ["toggled by a screen reader", [{ kind: "toggle" }, { kind: "toggle" }], "start end"],
    ["tapped, then toggled", [down(0), up(90), { kind: "toggle" }], "start - end"],
    ["held when the window is left", [down(0), { kind: "cancel" }, up(900)], "start end -"],
    ["left while it is latched", [down(0), up(90), { kind: "cancel" }], "start - -"],
    ["released without a press", [up(10)], "-"],
  ])("%s", (_, events, wanted) => {
    expect(actions(events)).toBe(wanted);
  });
});
