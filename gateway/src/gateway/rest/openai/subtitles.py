"""Segments as subtitles: SubRip (srt) and WebVTT (W3C)."""

from avatar_contract.transcription import Segment, TranscriptionVerbose


def srt(found: TranscriptionVerbose) -> str:
    """`1\\n00:00:00,000 --> 00:00:01,500\\nwords` for each segment."""
    blocks = [
        f"{number}\n{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}\n{_line(cue)}\n"
        for number, cue in enumerate(_cues(found), start=1)
    ]
    return "\n".join(blocks)


def vtt(found: TranscriptionVerbose) -> str:
    """`WEBVTT`, then `00:00:00.000 --> 00:00:01.500\\nwords` for each segment."""
    blocks = [
        f"{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}\n{_line(cue)}\n"
        for cue in _cues(found)
    ]
    return "\n".join(["WEBVTT\n", *blocks])


def _cues(found: TranscriptionVerbose) -> list[Segment]:
    """The segments, or the whole text as one when the engine gives none."""
    if found.segments or not found.text.strip():
        return found.segments
    return [Segment(id=0, start=0.0, end=found.duration, text=found.text)]


def _line(cue: Segment) -> str:
    """A cue's text on one line: an empty line would end it, and an arrow start a new one."""
    return " ".join(cue.text.split()).replace("-->", "→")


def _clock(seconds: float, point: str) -> str:
    ms = round(seconds * 1000)
    hours, ms = divmod(ms, 3_600_000)
    minutes, ms = divmod(ms, 60_000)
    whole, ms = divmod(ms, 1000)
    return f"{hours:02}:{minutes:02}:{whole:02}{point}{ms:03}"
