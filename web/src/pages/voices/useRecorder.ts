import { useCallback, useEffect, useRef, useState } from "react";
import { MicrophoneError, type MicrophoneProblem, openMicrophone } from "../../audio/microphone";
import { canRecord, recordPieces } from "../../audio/recorder";

/** The longest reference that is of use, s. */
const LONGEST_SEC = 30;

interface Recorder {
  recording: boolean;
  seconds: number;
  problem: MicrophoneProblem | null;
  start(): Promise<void>;
  stop(): void;
}

/** Record the microphone as it is, without echo or noise suppression: it is to sound like the person. */
export function useRecorder(onRecorded: (file: File) => void): Recorder {
  const [seconds, setSeconds] = useState(0);
  const [recording, setRecording] = useState(false);
  const [problem, setProblem] = useState<MicrophoneProblem | null>(null);
  const finish = useRef<() => void>(() => undefined);
  const deliver = useRef(onRecorded);
  deliver.current = onRecorded;

  const start = useCallback(async () => {
    setProblem(null);
    try {
      if (!canRecord()) throw new MicrophoneError("unsupported");
      const stream = await openMicrophone(false);
      const pieces: ArrayBuffer[] = [];
      const capture = recordPieces(
        stream,
        (piece) => pieces.push(piece),
        () => undefined,
      );
      const began = performance.now();
      const timer = setInterval(() => {
        const passed = (performance.now() - began) / 1000;
        setSeconds(passed);
        if (passed >= LONGEST_SEC) finish.current();
      }, 100);
      setSeconds(0);
      setRecording(true);
      finish.current = async () => {
        finish.current = () => undefined;
        clearInterval(timer);
        await capture.stop();
        for (const track of stream.getTracks()) track.stop();
        setRecording(false);
        deliver.current(new File(pieces, "recording.webm", { type: "audio/webm" }));
      };
    } catch (error) {
      setProblem(error instanceof MicrophoneError ? error.problem : "unknown");
    }
  }, []);

  useEffect(() => () => finish.current(), []);

  return { recording, seconds, problem, start, stop: () => finish.current() };
}
