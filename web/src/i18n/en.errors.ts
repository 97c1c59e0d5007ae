/** What failed, and what to do about it. */
export const enErrors = {
  details: "Details",
  dismiss: "Dismiss",
  retryAfter: "It may work again in {{seconds}} s.",
  BAD_MESSAGE: {
    title: "The server did not understand the page.",
    advice: "Reload the page: it may be older than the server.",
  },
  BAD_AUDIO: {
    title: "The recording could not be read.",
    advice:
      "Say it again. If it happens each time, choose the other microphone format in the settings.",
  },
  NO_SPEECH: {
    title: "Nothing was heard.",
    advice: "Speak a little closer to the microphone, and hold the button while you speak.",
  },
  BUFFER_OVERFLOW: { title: "That was too long.", advice: "Say it in shorter pieces." },
  TOO_MANY_CHUNKS: { title: "That was too long.", advice: "Say it in shorter pieces." },
  AUDIO_TIMEOUT: {
    title: "The recording stopped halfway.",
    advice: "Check the microphone and say it again.",
  },
  ALREADY_PROCESSING: {
    title: "One thing at a time.",
    advice: "What you said before is still being understood. Try again in a moment.",
  },
  SERVER_FULL: {
    title: "All places are taken.",
    advice: "Others are talking at the moment. The page tries again by itself.",
  },
  UNAUTHORIZED: {
    title: "You need a key to sign in.",
    advice: "Ask the operator for the access key.",
  },
  FORBIDDEN: {
    title: "This is not allowed here.",
    advice: "Open AVATAR at its own address, or ask the operator.",
  },
  NOT_FOUND: { title: "That is not there any more.", advice: "It may have been deleted." },
  CONFLICT: {
    title: "That can't be changed any more.",
    advice: "Only the latest turn can be corrected.",
  },
  RATE_LIMITED: { title: "Too much at once.", advice: "Wait a moment and try again." },
  PAYLOAD_TOO_LARGE: { title: "That is too large.", advice: "Send something shorter." },
  UNSUPPORTED_LANGUAGE: {
    title: "The engine at work does not know this language.",
    advice: "Type it instead, or have the operator install an engine that can.",
  },
  STT_UNAVAILABLE: {
    title: "The recogniser is not answering.",
    advice: "Try again, or type. The status page shows what is down.",
  },
  LLM_UNAVAILABLE: {
    title: "The language model is not answering.",
    advice: "Try again. The status page shows what is down.",
  },
  TTS_UNAVAILABLE: {
    title: "The voice is not answering.",
    advice: "You can read the answer. The status page shows what is down.",
  },
  PROFILE_UNAVAILABLE: {
    title: "The store is not answering.",
    advice: "You can go on talking; this may not be kept.",
  },
  STORAGE_FULL: {
    title: "The disk is full.",
    advice: "The operator has to make room before anything more is kept.",
  },
  VOICE_NOT_LOADED: {
    title: "The chosen voice is not loaded.",
    advice: "Try again, or choose another voice.",
  },
  INTERNAL: {
    title: "Something went wrong in AVATAR.",
    advice: "Try again. If it stays, tell the operator.",
  },
  NETWORK: {
    title: "The server can't be reached.",
    advice: "Check that AVATAR is running, and try again.",
  },
};

/** Why a page is not there. */
export const enBroken = {
  unreachable: {
    title: "This page can't be loaded: the server can't be reached.",
    advice: "Check that AVATAR is running, and try again.",
  },
  missing: {
    title: "This page is missing on the server.",
    advice:
      "AVATAR was loaded anew and the page is still not there. Its operator may have to install it again.",
  },
  crashed: {
    title: "This page can't be shown.",
    advice: "Try again. If it stays, tell the operator what the details say.",
  },
};
