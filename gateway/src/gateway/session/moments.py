"""The moments of a conversation: those that it waits for, and those that it notes."""

from __future__ import annotations

from enum import StrEnum


class Timer(StrEnum):
    """What a wait is for. There is at most one of each."""

    CHUNKS = "chunks"
    """The next sound of the open utterance."""
    FINAL = "final"
    """The ending of an utterance that was spoken."""
    VERDICT = "verdict"
    """What a voice during a reply means: an interruption, or not."""
    PLAYBACK = "playback"
    """The reply was heard to its end."""
    ASK = "ask"
    """The listener has come near enough for the next clause to be asked for."""


class Mark(StrEnum):
    """A step of a turn, noted with its time; `records.timings` measures from one to another."""

    SPEECH_END = "speech_end"
    """The person's last voiced frame; of a typed turn, when its text came."""
    FINAL = "final"
    """The words are known."""
    FIRST_TOKEN = "first_token"
    """The first of the answer's text that is shown."""
    LAST_TOKEN = "last_token"
    FIRST_CLAUSE = "first_clause"
    """The first request to the voice engine."""
    FIRST_SPEECH = "first_speech"
    """The voice engine's first sound."""
    FIRST_SOUND = "first_sound"
    """The first sound that was sent to the client."""
    ENDED = "ended"
