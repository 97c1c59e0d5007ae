"""Transcripts as OpenAI's answers and as subtitles.

Sources: SubRip as written by VLC and FFmpeg; WebVTT, https://www.w3.org/TR/webvtt1/.
"""

from avatar_contract.transcription import Segment, TranscriptionVerbose, Word
from stt_service.backends.base import Transcript


def srt(said: Transcript) -> str:
    """SubRip subtitles."""
    blocks = [
        f"{n}\n{_clock(one.start_ms, ',')} --> {_clock(one.end_ms, ',')}\n{one.text}\n"
        for n, one in enumerate(said.stretches, 1)
    ]
    return "\n".join(blocks)


def vtt(said: Transcript) -> str:
    """WebVTT subtitles."""
    blocks = [
        f"{_clock(one.start_ms, '.')} --> {_clock(one.end_ms, '.')}\n{_cue(one.text)}\n"
        for one in said.stretches
    ]
    return "\n".join(["WEBVTT\n", *blocks])


def verbose(said: Transcript, duration_ms: float) -> TranscriptionVerbose:
    """OpenAI's ``verbose_json``, with words and segments."""
    segments = [
        Segment(
            id=n,
            start=one.start_ms / 1000,
            end=one.end_ms / 1000,
            text=one.text,
            no_speech_prob=one.no_speech_prob,
            avg_logprob=one.avg_logprob,
        )
        for n, one in enumerate(said.stretches)
    ]
    words = [
        Word(word=word.text.strip(), start=word.start_ms / 1000, end=word.end_ms / 1000)
        for one in said.stretches
        for word in one.words
    ]
    return TranscriptionVerbose(
        language=said.language or "und",
        duration=duration_ms / 1000,
        text=said.text,
        segments=segments,
        words=words,
    )


def _clock(ms: float, comma: str) -> str:
    whole = round(ms)
    seconds, ms_part = divmod(whole, 1000)
    minutes, s = divmod(seconds, 60)
    h, m = divmod(minutes, 60)
    return f"{h:02}:{m:02}:{s:02}{comma}{ms_part:03}"


def _cue(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("-->", "--&gt;")
