// Made by web/scripts/generate_contract.py from avatar_contract. Don't edit; run that script.

export const PROTOCOL_VERSION = 1;

export const ERROR_CODES = [
  "BAD_MESSAGE",
  "BAD_AUDIO",
  "NO_SPEECH",
  "BUFFER_OVERFLOW",
  "TOO_MANY_CHUNKS",
  "AUDIO_TIMEOUT",
  "ALREADY_PROCESSING",
  "SERVER_FULL",
  "UNAUTHORIZED",
  "FORBIDDEN",
  "NOT_FOUND",
  "CONFLICT",
  "RATE_LIMITED",
  "PAYLOAD_TOO_LARGE",
  "UNSUPPORTED_LANGUAGE",
  "STT_UNAVAILABLE",
  "LLM_UNAVAILABLE",
  "TTS_UNAVAILABLE",
  "PROFILE_UNAVAILABLE",
  "STORAGE_FULL",
  "VOICE_NOT_LOADED",
  "INTERNAL",
] as const;

/** A turn opened, or its endpoint was reached, or it was resumed. */
export interface Accepted {
  /** numbers all messages and frames of a session from 1 */
  seq: number;
  turn_id: string;
  /** counts edits of the turn */
  revision: number;
  type: "accepted";
  utterance_id: string;
  /** place in the conversation */
  turn_number: number;
  /** client sample where the utterance begins */
  start: number;
  /** client samples that the server has */
  offset: number;
}

/** A piece of speech, 20 to 300 ms. */
export interface AudioChunk {
  type: "audio_chunk";
  /** idempotency key of the utterance */
  utterance_id?: string | null;
  /** base64 of the payload */
  data: string;
  /** client clock, ms */
  ts?: number | null;
  /** sample rate, Hz */
  sr?: number | null;
  /** default: what configure.audio_in says */
  codec?: Codec | null;
}

/** Push-to-talk: the utterance is over. */
export interface AudioEnd {
  type: "audio_end";
  /** idempotency key of the utterance */
  utterance_id?: string | null;
}

/** What a stream of audio bytes is. */
export interface AudioFormat {
  /** sample format or container */
  codec?: Codec;
  /** Hz; a container's own header wins */
  sample_rate?: number;
  /** interleaved channels; mixed down to one */
  channels?: number;
}

/** A piece of the answer's sound. The turn's last one is soundless with `is_final`. */
export interface AudioResponse {
  /** numbers all messages and frames of a session from 1 */
  seq: number;
  turn_id: string;
  /** counts edits of the turn */
  revision: number;
  type: "audio_response";
  mode: "fast" | "hq";
  /** Hz */
  sample_rate: number;
  format: "pcm_s16le";
  /** the clause, on its first piece */
  text?: string | null;
  /** base64 PCM; absent when sound comes in frames */
  data?: string | null;
  is_final: boolean;
}

/** Optional, before the frames of an utterance. */
export interface AudioStart {
  type: "audio_start";
  /** idempotency key of the utterance */
  utterance_id?: string | null;
  /** where it begins in the client's count of samples */
  sample?: number;
}

/** How microphone bytes are wrapped. */
export type Codec = "pcm_s16le" | "webm_opus" | "ogg_opus" | "mp4_aac" | "wav";

/** Any time; what is given takes effect with the next turn, what is left out stays. */
export interface Configure {
  type: "configure";
  /** protocol version the client speaks */
  version?: number | null;
  /** voice of the answer; null: default */
  voice_profile_id?: string | null;
  /** speed or quality of the voice */
  tts_mode?: "fast" | "hq" | null;
  /** what is spoken */
  language?: "auto" | "en" | "zh" | null;
  /** script and words of what is shown */
  locale?: "zh-TW" | "en" | null;
  /** hands-free or push-to-talk */
  turn_detection?: "server_vad" | "none" | null;
  /** 0 eager to 1 patient */
  patience?: number | null;
  /** how the model should answer */
  instructions?: string | null;
  /** answer in the speaker's own voice */
  self_clone?: boolean | null;
  /** keep the sound of turns */
  store_audio?: boolean | null;
  /** what binary frames hold */
  audio_in?: AudioFormat | null;
  /** how sound comes back */
  audio_out?: "json" | "binary" | null;
}

/** That the person agreed to their voice being used. */
export interface Consent {
  /** who agreed */
  by: string;
  at: string;
  /** the text agreed to */
  text: string;
}

/** A conversation in a list. */
export interface ConversationItem {
  id: string;
  title: string;
  turns: number;
  /** of the sound of both sides */
  duration_ms: number;
  created_at: string;
  hit?: Hit | null;
}

export interface ConversationPage {
  items: Array<ConversationItem>;
  next_cursor?: string | null;
}

/** One conversation. */
export interface ConversationView {
  id: string;
  title: string;
  created_at: string;
  duration_ms: number;
  turns: Array<TurnView>;
}

export interface Deleted {
  success: boolean;
}

/** The recogniser was wrong: answer this instead. The last turn only, else `CONFLICT`. */
export interface EditTranscription {
  type: "edit_transcription";
  turn_id: string;
  /** the revision it makes */
  revision: number;
  /** what was really said */
  text: string;
}

/** One engine of one stage, as the page's model card shows it. */
export interface EngineInfo {
  /** the engine or model, e.g. `pocketsphinx`, `F5-TTS` */
  name: string;
  /** embedded: ships with AVATAR; local: runs here; remote: another address */
  kind: "embedded" | "local" | "remote";
  /** BCP 47 tags it can do */
  languages: Array<string>;
  /** SPDX id or name of the licence of its weights */
  licence?: string | null;
  /** what it can't do, and what to do about it */
  notice?: string | null;
}

/** The engine of each stage. */
export interface Engines {
  stt: EngineInfo;
  llm: EngineInfo;
  tts_fast: EngineInfo;
  tts_hq: EngineInfo;
}

/** Something failed; the session stays usable unless the socket closes. */
export interface Error {
  /** numbers all messages and frames of a session from 1 */
  seq: number;
  type: "error";
  code: ErrorCode;
  message: string;
  retryable: boolean;
  retry_after_s?: number | null;
  turn_id?: string | null;
  revision?: number | null;
}

/** The stable codes of the wire and of REST problem documents. */
export type ErrorCode = "BAD_MESSAGE" | "BAD_AUDIO" | "NO_SPEECH" | "BUFFER_OVERFLOW" | "TOO_MANY_CHUNKS" | "AUDIO_TIMEOUT" | "ALREADY_PROCESSING" | "SERVER_FULL" | "UNAUTHORIZED" | "FORBIDDEN" | "NOT_FOUND" | "CONFLICT" | "RATE_LIMITED" | "PAYLOAD_TOO_LARGE" | "UNSUPPORTED_LANGUAGE" | "STT_UNAVAILABLE" | "LLM_UNAVAILABLE" | "TTS_UNAVAILABLE" | "PROFILE_UNAVAILABLE" | "STORAGE_FULL" | "VOICE_NOT_LOADED" | "INTERNAL";

/** 200 when `status` is `ok` or `degraded`, 503 otherwise. */
export interface Health {
  status: "ok" | "degraded" | "loading" | "failed";
  service: string;
  version: string;
  /** what is wrong, and what to do about it */
  detail?: string | null;
  models: Array<ModelHealth>;
  /** name, memory used and whole, MiB */
  gpu?: Record<string, number | string> | null;
  /** sessions, queue, workers … */
  load: Record<string, number>;
  /** the engine, as the page shows it */
  engine?: EngineInfo | null;
  /** of the gateway: services */
  parts: Record<string, Health>;
}

/** Where a search found its words. */
export interface Hit {
  /** absent: in the title */
  turn_id?: string | null;
  side?: "user" | "ai" | null;
  before: string;
  match: string;
  after: string;
}

/** Stop speaking now. */
export interface Interrupt {
  type: "interrupt";
  /** the turn that speaks; left out: whichever does */
  turn_id?: string | null;
  revision?: number | null;
  /** ms heard from its start */
  played_ms?: number | null;
}

/** What one utterance may have; passing one gives its error. */
export interface Limits {
  /** decoded payload of an utterance, bytes */
  max_payload_bytes: number;
  /** JSON chunks of an utterance */
  max_chunks: number;
  /** seconds without a chunk while one is open */
  chunk_timeout_s: number;
  /** seconds of binary audio of an utterance */
  max_binary_s: number;
  /** characters of a typed turn */
  max_text_chars: number;
}

/** The whole text of the answer; sent once. */
export interface LlmResponse {
  /** numbers all messages and frames of a session from 1 */
  seq: number;
  turn_id: string;
  /** counts edits of the turn */
  revision: number;
  type: "llm_response";
  text: string;
  is_final: boolean;
}

/** A piece of the answer's text. */
export interface LlmToken {
  /** numbers all messages and frames of a session from 1 */
  seq: number;
  turn_id: string;
  /** counts edits of the turn */
  revision: number;
  type: "llm_token";
  token: string;
}

/** A model or engine of a service. */
export interface ModelHealth {
  name: string;
  state: "loading" | "ready" | "failed" | "idle";
  /** of loading */
  progress?: number | null;
  /** `cpu`, `cuda:0` */
  device: string;
  /** why it failed and what to do, or a figure */
  detail?: string | null;
  /** it works, but not as it was meant to: see `detail` */
  degraded: boolean;
  /** seconds of work a second of audio */
  real_time_factor?: number | null;
}

/** Something to know although nothing failed. */
export interface Notice {
  /** numbers all messages and frames of a session from 1 */
  seq: number;
  type: "notice";
  code: NoticeCode;
  message: string;
  /** the part that it is about */
  stage?: Stage | null;
  turn_id?: string | null;
  revision?: number | null;
}

/** What a user should know although nothing failed. */
export type NoticeCode = "HQ_FELL_BACK" | "CPU_FALLBACK" | "VOICE_FELL_BACK" | "EMBEDDED_ENGINE" | "PUBLIC_ENGINE" | "NOT_STORED" | "TEXT_SKIPPED" | "SOUND_NOT_STORED" | "ENGINE_AWAY" | "ENGINE_BACK" | "GOING_AWAY";

/** What was really heard so far; at least every 250 ms while playing. */
export interface Playback {
  type: "playback";
  turn_id: string;
  revision?: number;
  /** ms heard from the start of this revision */
  played_ms: number;
}

/** What to do with the sound that is queued in the client. */
export interface PlaybackControl {
  /** numbers all messages and frames of a session from 1 */
  seq: number;
  turn_id: string;
  /** counts edits of the turn */
  revision: number;
  type: "playback_control";
  action: "pause" | "resume" | "flush";
}

/** A REST error body: RFC 9457 problem document with AVATAR's code. */
export interface Problem {
  /** RFC 9457: a URI for the kind of problem */
  type: string;
  /** RFC 9457: the code in words */
  title: string;
  /** the HTTP status */
  status: number;
  /** what is wrong and what to do */
  detail: string;
  /** the stable code */
  code: ErrorCode;
  /** a stable name of what exactly is wrong, where the code has several causes */
  reason?: string | null;
  /** whether the same request may succeed later */
  retryable: boolean;
  /** seconds to wait before a retry */
  retry_after_s?: number | null;
}

/** How good a reference recording is. */
export interface Quality {
  score: number;
  advice: Array<QualityAdvice>;
}

/** One finding about a reference recording. */
export interface QualityAdvice {
  /** stable, e.g. `CLIPPING` */
  code: string;
  /** advice in words by locale: `en`, `zh-TW` */
  text: Record<string, string>;
}

/** Go on with a conversation whose socket broke; the new socket displaces the old. */
export interface Resume {
  type: "resume";
  resume_token: string;
  /** the last `seq` that was received */
  last_seq: number;
  turn_id?: string | null;
  revision?: number | null;
  /** ms heard of that turn */
  played_ms?: number | null;
}

/** The answer to ``POST /api/conversation/{session_id}/resume``. */
export interface ResumeGranted {
  session_id: string;
  /** secret that a `resume` on /ws/chat shows */
  resume_token: string;
}

/** The first message; and again, with `resumed`, the answer to a `resume` that succeeded. */
export interface Session {
  /** numbers all messages and frames of a session from 1 */
  seq: number;
  type: "session";
  version: number;
  /** the conversation */
  session_id: string;
  /** secret that a `resume` shows */
  resume_token: string;
  /** whether this goes on with an earlier socket */
  resumed: boolean;
  limits: Limits;
  engines: Engines;
  /** how sound will come */
  audio_out: "json" | "binary";
  /** client samples that the server has */
  offset: number;
}

/** A part of the turn that another service does. */
export type Stage = "stt" | "llm" | "tts_fast" | "tts_hq" | "profile";

/** What the assistant is doing. */
export type State = "loading" | "queued" | "listening" | "transcribing" | "thinking" | "speaking" | "idle";

/** What the assistant is doing. */
export interface Status {
  /** numbers all messages and frames of a session from 1 */
  seq: number;
  type: "status";
  state: State;
  /** of loading */
  progress?: number | null;
  /** in the waiting queue */
  position?: number | null;
  turn_id?: string | null;
  revision?: number | null;
}

/** A typed turn. */
export interface Text {
  type: "text";
  /** idempotency key of the turn */
  utterance_id?: string | null;
  /** what was typed */
  text: string;
}

/** What was understood so far; cumulative. */
export interface Transcription {
  /** numbers all messages and frames of a session from 1 */
  seq: number;
  turn_id: string;
  /** counts edits of the turn */
  revision: number;
  type: "transcription";
  text: string;
  /** leading characters that won't change */
  stable_chars: number;
  is_final: boolean;
  /** BCP 47 tag of what was spoken */
  language?: string | null;
}

/** The whole reply can be replayed. */
export interface TtsReady {
  /** numbers all messages and frames of a session from 1 */
  seq: number;
  turn_id: string;
  /** counts edits of the turn */
  revision: number;
  type: "tts_ready";
  audio_url: string;
  duration_ms: number;
}

/** Playback ended or was cut. */
export interface TurnDone {
  /** numbers all messages and frames of a session from 1 */
  seq: number;
  turn_id: string;
  /** counts edits of the turn */
  revision: number;
  type: "turn_done";
  /** ms by stage, from the end of speech */
  timings: Record<string, number>;
  interrupted: boolean;
  /** what the person heard of the answer */
  heard_text: string;
}

/** A turn as it is read. */
export interface TurnView {
  session_id: string;
  turn_id: string;
  utterance_id: string;
  turn_number: number;
  revision: number;
  state: "open" | "closed";
  typed: boolean;
  /** edited text where there is one, else recognised */
  user_text: string;
  recognised_text?: string | null;
  edited_text?: string | null;
  ai_text: string;
  heard_text: string;
  interrupted: boolean;
  language?: string | null;
  mode: "fast" | "hq";
  timings: Record<string, number>;
  voice_profile_id?: string | null;
  error?: string | null;
  /** absent: no audio is kept */
  user_audio_ms?: number | null;
  /** absent: no audio is kept */
  ai_audio_ms?: number | null;
  created_at: string;
}

/** One voice profile. */
export interface VoiceProfile {
  id: string;
  name: string;
  /** s of speech in the reference */
  duration: number;
  quality?: Quality | null;
  is_default: boolean;
  created_at: string;
  profile_id: string;
  reference_text: string;
  consent?: Consent | null;
  /** 0 to 1, for a waveform picture */
  peaks: Array<number>;
  /** names the reference; changes with it */
  etag: string;
  has_embedding: boolean;
}

/** What `PUT` may change; what is left out stays. */
export interface VoiceProfileChange {
  name?: string | null;
  reference_text?: string | null;
  is_default?: boolean | null;
  embedding?: Array<number> | null;
}

/** A voice profile in a list. */
export interface VoiceProfileItem {
  id: string;
  name: string;
  /** s of speech in the reference */
  duration: number;
  quality?: Quality | null;
  is_default: boolean;
  created_at: string;
}

export interface VoiceProfilePage {
  items: Array<VoiceProfileItem>;
  next_cursor?: string | null;
}

export type ClientMessage =
  | Configure
  | AudioStart
  | AudioChunk
  | AudioEnd
  | Text
  | Playback
  | Interrupt
  | EditTranscription
  | Resume;

export type ServerMessage =
  | Session
  | Accepted
  | Status
  | Transcription
  | LlmToken
  | LlmResponse
  | AudioResponse
  | PlaybackControl
  | TtsReady
  | TurnDone
  | Notice
  | Error;
