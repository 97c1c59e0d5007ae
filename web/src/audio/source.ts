import { type Capture, captureFrames, openMicrophone } from "./microphone";
import { canRecord, recordPieces } from "./recorder";

export type MicrophoneFormat = "pcm" | "webm";

/** Where speech comes from; the browser's microphone, or a test's. */
export interface SpeechSource {
  /** Throws a MicrophoneError. */
  open(processed: boolean): Promise<MediaStream>;
  capture(
    stream: MediaStream,
    format: MicrophoneFormat,
    onPiece: (piece: ArrayBuffer) => void,
    onLevel: (level: number) => void,
  ): Promise<Capture>;
  /** Whether this browser can make `format`. */
  can(format: MicrophoneFormat): boolean;
}

export const browserSource: SpeechSource = {
  open: openMicrophone,

  async capture(stream, format, onPiece, onLevel) {
    if (format === "webm") return recordPieces(stream, onPiece, onLevel);
    return captureFrames(stream, (frame) => {
      onLevel(frame.level);
      onPiece(frame.pcm);
    });
  },

  can: (format) => format === "pcm" || canRecord(),
};
