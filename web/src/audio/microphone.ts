import type { CaptureMessage } from "./capture.worklet";
import captureUrl from "./capture.worklet.ts?worker&url";
import type { SpeechFrame } from "./framer";

/** Why there is no microphone. */
export type MicrophoneProblem = "insecure" | "denied" | "none" | "busy" | "unsupported" | "unknown";

export class MicrophoneError extends Error {
  constructor(
    readonly problem: MicrophoneProblem,
    cause?: unknown,
  ) {
    super(`No microphone: ${problem}`, { cause });
    this.name = "MicrophoneError";
  }
}

const PROBLEMS: Record<string, MicrophoneProblem> = {
  NotAllowedError: "denied",
  SecurityError: "denied",
  NotFoundError: "none",
  OverconstrainedError: "none",
  NotReadableError: "busy",
  AbortError: "busy",
};

/** What a person can do about `error`, told apart by the names of the Media Capture specification. */
export function microphoneProblem(error: unknown): MicrophoneProblem {
  return error instanceof DOMException ? (PROBLEMS[error.name] ?? "unknown") : "unknown";
}

/**
 * The microphone's stream.
 *
 * Throws a MicrophoneError. Without a secure origin (https or localhost) a browser has no
 * `mediaDevices` at all, which is why that is told apart from a browser that can't.
 */
export async function openMicrophone(processed: boolean): Promise<MediaStream> {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new MicrophoneError(window.isSecureContext ? "unsupported" : "insecure");
  }
  try {
    return await navigator.mediaDevices.getUserMedia({
      audio: {
        channelCount: 1,
        echoCancellation: processed,
        noiseSuppression: processed,
        autoGainControl: processed,
      },
    });
  } catch (error) {
    throw new MicrophoneError(microphoneProblem(error), error);
  }
}

/** Something that turns a microphone's stream into pieces to send. */
export interface Capture {
  /** End it; resolves when the last piece was handed over. */
  stop(): Promise<void>;
}

/** Capture `stream` as 40 ms frames of 16 kHz PCM. */
export async function captureFrames(
  stream: MediaStream,
  onFrame: (frame: SpeechFrame) => void,
): Promise<Capture> {
  const context = await captureContext(stream);
  const source = context.createMediaStreamSource(stream);
  const node = new AudioWorkletNode(context, "capture", { numberOfOutputs: 0 });
  const ended = new Promise<void>((resolve) => {
    node.port.onmessage = ({ data }: MessageEvent<CaptureMessage>) =>
      data ? onFrame(data) : resolve();
  });
  source.connect(node);
  return {
    stop: async () => {
      node.port.postMessage("stop");
      await ended;
      source.disconnect();
      await context.close();
    },
  };
}

/** A context at the microphone's own rate: Firefox refuses a stream of another one. */
async function captureContext(stream: MediaStream): Promise<AudioContext> {
  const sampleRate = stream.getAudioTracks()[0]?.getSettings().sampleRate;
  const context = new AudioContext(sampleRate ? { sampleRate } : {});
  await context.audioWorklet.addModule(captureUrl);
  await context.resume();
  return context;
}
