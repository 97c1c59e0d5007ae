import { rms } from "./pcm";
import playbackUrl from "./playback.worklet.ts?worker&url";
import { type PlaybackCommand, type PlaybackReport, PlayQueue } from "./playQueue";

/** What plays the queue: its output, and a way to command it. */
export interface PlaybackEngine {
  node: AudioNode;
  command(command: PlaybackCommand, transfer: Transferable[]): void;
}

/** Frames that the page's own thread puts out at once, where it has to: 43 ms at 48 kHz. */
const SCRIPT_FRAMES = 2048;

/** The audio thread where the browser has it for us; pages by plain http get none. */
export async function playbackEngine(
  context: AudioContext,
  onReport: (report: PlaybackReport) => void,
): Promise<PlaybackEngine> {
  return context.audioWorklet ? workletEngine(context, onReport) : scriptEngine(context, onReport);
}

async function workletEngine(
  context: AudioContext,
  onReport: (report: PlaybackReport) => void,
): Promise<PlaybackEngine> {
  await context.audioWorklet.addModule(playbackUrl);
  const node = new AudioWorkletNode(context, "playback", { outputChannelCount: [1] });
  node.port.onmessage = ({ data }: MessageEvent<PlaybackReport>) => onReport(data);
  return {
    node,
    command: (command, transfer) => node.port.postMessage(command, transfer),
  };
}

/** The same queue on the page's thread. ScriptProcessorNode is deprecated, and has no successor here. */
function scriptEngine(
  context: AudioContext,
  onReport: (report: PlaybackReport) => void,
): PlaybackEngine {
  const queue = new PlayQueue();
  const node = context.createScriptProcessor(SCRIPT_FRAMES, 0, 1);
  node.onaudioprocess = ({ outputBuffer }) => {
    const out = outputBuffer.getChannelData(0);
    queue.render(out);
    onReport({ played: queue.report(), level: rms(out) });
  };
  return { node, command: (command) => queue.obey(command) };
}
