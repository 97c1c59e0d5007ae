"""Whether a recording can be the reference of a voice, and how good a one it is.

Pure signal arithmetic on 10 ms frames: energy finds the speech, periodicity says that it is a
voice, the pauses show the noise, and two separate pitches hint at two speakers.
"""

from dataclasses import dataclass

import numpy as np

from avatar_contract.errors import BadAudio, NoSpeech
from avatar_contract.records import Quality, QualityAdvice
from profile_service.decoding import Recording
from profile_service.pitch import pitches

MIN_SPEECH_S, MAX_SPEECH_S = 3.0, 30.0
PEAKS = 160
"""Bars of the waveform picture."""

_HOP_S, _WINDOW_S = 0.010, 0.020
_PAD_S = 0.15  # kept before and after the speech
_BRIDGED_S = 0.30  # pauses within speech count as speech
_MIN_ISLAND_S = 0.06  # a shorter sound is a click
_QUIETEST_DBFS = -55.0
_MIN_RANGE_DB = 6.0  # less between loud and soft is a steady noise, not speech
_MIN_VOICED = 0.15
_REFUSED_CLIPPING = 0.05

_ADVICE = {
    "CLIPPING": (
        "Parts are too loud and distorted: move away from the microphone or turn it down.",
        "部分聲音過大而失真：請離麥克風遠一點，或調低輸入音量。",
    ),
    "TOO_QUIET": (
        "The voice is quiet: come nearer to the microphone or turn it up.",
        "聲音偏小：請靠近麥克風，或調高輸入音量。",
    ),
    "NOISY": (
        "There is noise behind the voice: record in a quiet room.",
        "背景有雜音：請在安靜的房間錄音。",
    ),
    "MORE_THAN_ONE_VOICE": (
        "This may be more than one person: record one voice only.",
        "可能有一位以上的說話者：請只錄一個人的聲音。",
    ),
    "SHORT": (
        "There is little speech in it: 8 to 15 seconds of talking give a closer likeness.",
        "說話的時間偏短：連續說 8 到 15 秒會更像本人。",
    ),
    "MANY_PAUSES": (
        "There are long pauses: read on without stopping.",
        "停頓偏多：請連續朗讀。",
    ),
}
_COST = {
    "CLIPPING": 0.35,
    "TOO_QUIET": 0.2,
    "NOISY": 0.3,
    "MORE_THAN_ONE_VOICE": 0.4,
    "SHORT": 0.1,
    "MANY_PAUSES": 0.1,
}


@dataclass(frozen=True)
class Reference:
    """A recording cut to its speech: int16 mono samples, how good it is, and its picture."""

    samples: np.ndarray
    rate: int
    seconds: float
    quality: Quality
    peaks: list[float]


@dataclass(frozen=True)
class Findings:
    """What was measured: levels in dBFS, ratios 0 to 1."""

    speech_s: float
    trimmed_s: float
    level_db: float
    snr_db: float
    clipped: float
    two_voices: bool


def check(recording: Recording) -> Reference:
    """The reference in a recording. Blocking: about 50 ms for 30 s.

    Raises:
        NoSpeech: nobody speaks in it.
        BadAudio: too short, too long or too distorted to be used.
    """
    samples = recording.samples.astype(np.float32) / 32768
    samples -= samples.mean() if len(samples) else 0
    levels = _levels(samples, recording.rate)
    speaking = _speaking(levels)
    if not speaking.any():
        text = "Nobody speaks in this recording: it is silent, or only noise."
        raise NoSpeech(text, reason="SILENT")
    frames = np.flatnonzero(speaking)
    first = max(0, int((frames[0] * _HOP_S - _PAD_S) * recording.rate))
    last = int((frames[-1] * _HOP_S + _WINDOW_S + _PAD_S) * recording.rate)
    cut = recording.samples[first:last]
    pitch = pitches(samples[first:last], recording.rate)
    if np.isfinite(pitch).sum() < _MIN_VOICED * speaking.sum():
        raise NoSpeech("There is sound in this recording, but no voice.", reason="NO_VOICE")
    found = Findings(
        speech_s=float(speaking.sum() * _HOP_S),
        trimmed_s=len(cut) / recording.rate,
        level_db=_mean_db(levels[speaking]),
        snr_db=_snr(levels, speaking),
        clipped=recording.clipped,
        two_voices=_two_voices(pitch),
    )
    _refuse(found)
    return Reference(cut, recording.rate, found.trimmed_s, judge(found), peaks(cut))


def judge(found: Findings) -> Quality:
    """The score, with what would make it better, worst first."""
    remarks = {
        "MORE_THAN_ONE_VOICE": found.two_voices,
        "CLIPPING": found.clipped > 0.001,
        "NOISY": found.snr_db < 20,
        "TOO_QUIET": found.level_db < -36,
        "SHORT": found.speech_s < 6,
        "MANY_PAUSES": found.speech_s < 0.5 * found.trimmed_s,
    }
    codes = [code for code, applies in remarks.items() if applies]
    score = 1.0
    for code in codes:
        score *= 1 - _COST[code]
    if found.snr_db < 10:
        score *= 0.5
    advice = [
        QualityAdvice(code=code, text={"en": _ADVICE[code][0], "zh-TW": _ADVICE[code][1]})
        for code in codes
    ]
    return Quality(score=round(score, 3), advice=advice)


def peaks(samples: np.ndarray) -> list[float]:
    """`PEAKS` loudest magnitudes of equal stretches of int16 samples, 0 to 1."""
    if not len(samples):
        return []
    edges = np.linspace(0, len(samples), min(PEAKS, len(samples)), endpoint=False).astype(int)
    loudest = np.maximum.reduceat(np.abs(samples.astype(np.int32)), edges) / 32768
    return [round(float(value), 3) for value in loudest]


def _refuse(found: Findings) -> None:
    if found.speech_s < MIN_SPEECH_S:
        raise BadAudio(
            f"There are {found.speech_s:.1f} s of speech; a voice needs {MIN_SPEECH_S:.0f} to "
            f"{MAX_SPEECH_S:.0f} s.",
            reason="SPEECH_TOO_SHORT",
        )
    if found.trimmed_s > MAX_SPEECH_S:
        raise BadAudio(
            f"The speech is {found.trimmed_s:.0f} s long; at most {MAX_SPEECH_S:.0f} s are used: "
            "send a part of it.",
            reason="SPEECH_TOO_LONG",
        )
    if found.clipped > _REFUSED_CLIPPING:
        text = "This recording is distorted throughout: turn the microphone down."
        raise BadAudio(text, reason="DISTORTED")


def _levels(samples: np.ndarray, rate: int) -> np.ndarray:
    """The level of each frame, dBFS."""
    hop, window = int(_HOP_S * rate), int(_WINDOW_S * rate)
    if len(samples) < window:
        return np.zeros(0)
    energy = np.concatenate(([0.0], np.cumsum(np.square(samples, dtype=np.float64))))
    starts = np.arange(0, len(samples) - window + 1, hop)
    power = (energy[starts + window] - energy[starts]) / window
    levels: np.ndarray = 10 * np.log10(np.maximum(power, 1e-10))
    return levels


def _speaking(levels: np.ndarray) -> np.ndarray:
    """Which frames belong to speech, pauses within it included."""
    if not len(levels):
        return np.zeros(0, bool)
    loud, soft = np.percentile(levels, 95), np.percentile(levels, 10)
    if loud < _QUIETEST_DBFS or loud - soft < _MIN_RANGE_DB:
        return np.zeros(len(levels), bool)
    # Above the noise, or, where there is no pause to show it, well within the voice's own range.
    threshold = max(loud - 30, min(soft + 8, loud - 15), _QUIETEST_DBFS - 5)
    active = _closed(levels > threshold, int(_BRIDGED_S / _HOP_S))
    return ~_closed(~active, int(_MIN_ISLAND_S / _HOP_S))


def _closed(active: np.ndarray, gap: int) -> np.ndarray:
    """`active` with the gaps between two active frames filled where they are at most `gap` long."""
    filled = active.copy()
    frames = np.flatnonzero(active)
    for at in np.flatnonzero(np.diff(frames) > 1):
        begin, end = frames[at] + 1, frames[at + 1]
        if end - begin <= gap:
            filled[begin:end] = True
    return filled


def _mean_db(levels: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(10 ** (levels / 10))))


def _snr(levels: np.ndarray, speaking: np.ndarray) -> float:
    """Speech over the noise in its pauses, dB."""
    pauses = levels[~speaking]
    quiet = np.percentile(levels, 5) if len(pauses) < 20 else _mean_db(pauses)
    return _mean_db(levels[speaking]) - float(quiet)


def _two_voices(pitch: np.ndarray) -> bool:
    """Whether the pitch, in semitones, lies in two separate clouds.

    One person's pitch spreads within about 3 semitones around its median, and its phrases overlap.
    """
    stretches = [part for part in np.array_split(pitch, max(1, len(pitch) // 100)) if len(part)]
    medians = np.array([np.nanmedian(part) for part in stretches if np.isfinite(part).sum() >= 15])
    if len(medians) < 4:
        return False
    ordered = np.sort(medians)
    at = int(np.argmax(np.diff(ordered))) + 1
    low, high = ordered[:at], ordered[at:]
    apart = float(np.median(high) - np.median(low))
    return min(len(low), len(high)) >= 0.2 * len(ordered) and apart > 7 and (high[0] - low[-1]) > 4
