import { describe, expect, it } from "vitest";
import { PlayQueue } from "./playQueue";

const ones = (length: number) => new Float32Array(length).fill(1);

function render(queue: PlayQueue, length: number): Float32Array {
  const out = new Float32Array(length);
  queue.render(out);
  return out;
}

describe("the play queue", () => {
  it("plays pieces after one another and counts what left it", () => {
    const queue = new PlayQueue();
    queue.push("a", ones(100));
    queue.push("a", ones(50));
    expect(render(queue, 128).every((sample) => sample === 1)).toBe(true);
    expect(queue.report()).toEqual([{ key: "a", frames: 128, ended: false }]);
    const rest = render(queue, 128);
    expect(rest.filter((sample) => sample === 1)).toHaveLength(22);
    expect(queue.report()).toEqual([{ key: "a", frames: 150, ended: false }]);
  });

  it("counts nothing while it is empty, and reports only what changed", () => {
    const queue = new PlayQueue();
    queue.push("a", ones(10));
    render(queue, 128);
    queue.report();
    expect([...render(queue, 128)].every((sample) => sample === 0)).toBe(true);
    expect(queue.report()).toEqual([]);
  });

  it("says when a turn has ended, also when the next follows at once", () => {
    const queue = new PlayQueue();
    queue.push("a", ones(10));
    queue.end("a");
    queue.push("b", ones(500));
    render(queue, 128);
    expect(queue.report()).toEqual([
      { key: "a", frames: 10, ended: true },
      { key: "b", frames: 118, ended: false },
    ]);
  });

  it("ends a turn that made no sound", () => {
    const queue = new PlayQueue();
    queue.end("a");
    render(queue, 128);
    expect(queue.report()).toEqual([{ key: "a", frames: 0, ended: true }]);
  });

  it("fades out at a pause, stands still, and goes on where it was", () => {
    const queue = new PlayQueue();
    queue.push("a", ones(2000));
    render(queue, 128);
    queue.pause();
    const fading = render(queue, 512);
    expect(fading[0]).toBeLessThan(1);
    expect(fading[511]).toBe(0);
    const [held] = queue.report();
    render(queue, 512);
    expect(queue.report()).toEqual([]);
    queue.resume();
    render(queue, 512);
    expect(queue.report()[0]?.frames).toBe((held?.frames ?? 0) + 512);
  });

  it("is silent at once after a flush, and a pause does not outlive it", () => {
    const queue = new PlayQueue();
    queue.push("a", ones(2000));
    queue.pause();
    render(queue, 512);
    queue.flush();
    expect([...render(queue, 128)].every((sample) => sample === 0)).toBe(true);
    queue.push("b", ones(128));
    expect(render(queue, 128)[127]).toBe(1);
  });
});
