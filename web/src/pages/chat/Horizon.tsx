import { useEffect, useRef } from "react";
import { loudness } from "../../audio/pcm";
import { useChat } from "../../state/context";
import styles from "./Horizon.module.css";

/** Points of the line; each is a moment of sound that travels outwards from the middle. */
const MOMENTS = 96;

/** How much of a level remains after one picture: fast up, slow down, as a needle does. */
const FALL = 0.86;

/** How much of a rise is taken in one picture; all at once would make corners in the line. */
const RISE = 0.3;

/** How wide the middle is, where waves to both sides begin: without it the line has a corner there. */
const ROUND = 0.04;

/**
 * The level meter: a line that is still when nobody speaks. It moves in persimmon with the person's
 * voice and in celadon with the answer.
 */
export function Horizon({ active, voice }: { active: boolean; voice: "person" | "assistant" }) {
  const chat = useChat();
  const canvas = useRef<HTMLCanvasElement>(null);

  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!canvas.current || !context) return;
    const line = new Line(canvas.current, context, voice);
    let picture = 0;
    const draw = () => {
      const level = voice === "person" ? chat.levels.input : chat.levels.output;
      line.draw(active ? loudness(level) : 0);
      if (active || !line.still) picture = requestAnimationFrame(draw);
    };
    draw();
    const redraw = () => line.draw(0);
    window.addEventListener("resize", redraw);
    return () => {
      cancelAnimationFrame(picture);
      window.removeEventListener("resize", redraw);
    };
  }, [active, voice, chat]);

  // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a canvas takes no focus; StatusLine says it in words
  return <canvas ref={canvas} className={styles.horizon} data-voice={voice} aria-hidden="true" />;
}

function blend(from: number, to: number, share: number): number {
  return from + (to - from) * share;
}

class Line {
  readonly #moments = new Float32Array(MOMENTS);
  readonly #calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  #level = 0;
  #time = 0;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly context: CanvasRenderingContext2D,
    private readonly voice: "person" | "assistant",
  ) {}

  get still(): boolean {
    return this.#moments.every((moment) => moment < 0.004);
  }

  draw(level: number): void {
    this.#level = level > this.#level ? blend(this.#level, level, RISE) : this.#level * FALL;
    if (this.#level < 0.002) this.#level = 0;
    this.#moments.copyWithin(1, 0);
    this.#moments[0] = this.#level;
    this.#time++;
    const { width, height, ink, rest } = this.#prepare();
    if (this.#calm) this.#bar(width, height, ink, rest);
    else this.#wave(width, height, ink, rest);
  }

  #prepare() {
    const scale = window.devicePixelRatio || 1;
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (this.canvas.width !== Math.round(width * scale)) {
      this.canvas.width = Math.round(width * scale);
      this.canvas.height = Math.round(height * scale);
    }
    this.context.setTransform(scale, 0, 0, scale, 0, 0);
    this.context.clearRect(0, 0, width, height);
    const style = getComputedStyle(this.canvas);
    const ink = style.getPropertyValue(this.voice === "person" ? "--persimmon" : "--celadon");
    return { width, height, ink, rest: style.getPropertyValue("--line-strong") };
  }

  /** Without motion: a bar from the middle, as long as the sound is loud. */
  #bar(width: number, height: number, ink: string, rest: string): void {
    this.#stroke(rest, 1, () => this.#across(0, width, height / 2));
    const half = (this.#level * width) / 2;
    this.#stroke(ink, 5, () => this.#across(width / 2 - half, width / 2 + half, height / 2));
  }

  #across(from: number, to: number, y: number): void {
    this.context.moveTo(from, y);
    this.context.lineTo(to, y);
  }

  #wave(width: number, height: number, ink: string, rest: string): void {
    const shade = this.context.createLinearGradient(0, 0, width, 0);
    shade.addColorStop(0, rest);
    shade.addColorStop(0.5, this.still ? rest : ink);
    shade.addColorStop(1, rest);
    this.#stroke(shade, 1.75, () => this.#curve(width, height, 1));
    if (this.still) return;
    this.context.globalAlpha = 0.3;
    this.#stroke(shade, 1.25, () => this.#curve(width, height, -0.6));
    this.context.globalAlpha = 1;
  }

  #curve(width: number, height: number, sign: number): void {
    this.context.moveTo(0, height / 2);
    for (let x = 2; x <= width; x += 2) {
      const distance = Math.abs(x / width - 0.5) * 2;
      const moment = this.#between(distance * (MOMENTS - 1));
      const envelope = (1 - distance) ** 1.5;
      const ripple =
        Math.sin(Math.hypot(distance, ROUND) * 42 - this.#time * 0.22) * 0.7 +
        Math.sin(x * 0.045) * 0.3;
      this.context.lineTo(x, height / 2 + sign * ripple * moment * envelope * height * 0.48);
    }
  }

  /** The moment at a place between two of them. */
  #between(place: number): number {
    const below = Math.floor(place);
    const level = this.#moments[below] ?? 0;
    return blend(level, this.#moments[below + 1] ?? level, place - below);
  }

  #stroke(ink: string | CanvasGradient, thickness: number, path: () => void): void {
    this.context.beginPath();
    this.context.strokeStyle = ink;
    this.context.lineWidth = thickness;
    this.context.lineCap = "round";
    path();
    this.context.stroke();
  }
}
