"""Pieces of a clause as one sound: without the model's own silence, and without a click."""

import numpy as np

from tts_service.kokoro.model import Sound

RATE = 24_000
_QUIET = 0.004
"""Below this a 10 ms frame is silence (RMS; speech peaks at about 0.5)."""
_FRAME = RATE // 100
_BEFORE_S, _AFTER_S = 0.02, 0.04
"""Of what is next to silence, so much stays: weak onsets and endings."""
_FADE_S = 0.005
_PAUSES = {".": 0.28, "!": 0.28, "?": 0.28, ";": 0.18, ":": 0.15, ",": 0.12}
_SHORT_PAUSE_S = 0.02


def joined(sound: Sound, phonemes: str, pace: float = 1.0) -> Sound:
    """`sound` from its first to its last voice, faded at both ends, with the pause that its last
    mark asks for at that pace.

    The model begins each piece with about 0.35 s of silence and ends it with 0.5 s or more, which
    a listener would wait for.
    """
    whole = sound[: len(sound) // _FRAME * _FRAME].reshape(-1, _FRAME)
    loud = np.flatnonzero(np.sqrt(np.mean(whole**2, axis=1)) > _QUIET)
    if not loud.size:
        return np.zeros(round(_SHORT_PAUSE_S * RATE), np.float32)
    start = max(0, int(loud[0]) * _FRAME - round(_BEFORE_S * RATE))
    end = (int(loud[-1]) + 1) * _FRAME + round(_AFTER_S * RATE)
    voiced = sound[start:end].copy()
    ramp = np.linspace(0, 1, min(round(_FADE_S * RATE), len(voiced)), dtype=np.float32)
    voiced[: len(ramp)] *= ramp
    voiced[len(voiced) - len(ramp) :] *= ramp[::-1]
    pause = _PAUSES.get(phonemes.rstrip(' "”)')[-1:], _SHORT_PAUSE_S)
    return np.concatenate((voiced, np.zeros(round(pause / pace * RATE), np.float32)))
