import type { Capture } from "./microphone";
import { rms } from "./pcm";

/** Milliseconds of one piece of a recording; the contract allows 20 to 300. */
const SLICE_MS = 100;

const TYPE = "audio/webm;codecs=opus";

/** Whether this browser records WebM with Opus (Safari before 18.4 doesn't). */
export function canRecord(): boolean {
  return typeof MediaRecorder !== "undefined" && MediaRecorder.isTypeSupported(TYPE);
}

/** Record `stream` as WebM/Opus, one container, handed over in pieces in their order. */
export function recordPieces(
  stream: MediaStream,
  onPiece: (piece: ArrayBuffer) => void,
  onLevel: (level: number) => void,
): Capture {
  const recorder = new MediaRecorder(stream, { mimeType: TYPE, audioBitsPerSecond: 32_000 });
  const stopMeter = meter(stream, onLevel);
  let handed = Promise.resolve();
  recorder.ondataavailable = ({ data }) => {
    handed = handed.then(async () => {
      if (data.size > 0) onPiece(await data.arrayBuffer());
    });
  };
  const ended = new Promise<void>((resolve) => {
    recorder.onstop = () => resolve();
  });
  recorder.start(SLICE_MS);
  return {
    stop: async () => {
      if (recorder.state !== "inactive") recorder.stop();
      await ended;
      await handed;
      stopMeter();
    },
  };
}

/** Tell the level of `stream` for each picture that the screen shows. */
function meter(stream: MediaStream, onLevel: (level: number) => void): () => void {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 1024;
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  let picture = requestAnimationFrame(function look() {
    analyser.getFloatTimeDomainData(samples);
    onLevel(rms(samples));
    picture = requestAnimationFrame(look);
  });
  return () => {
    cancelAnimationFrame(picture);
    void context.close();
  };
}
