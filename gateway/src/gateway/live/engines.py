"""What a client is told when an engine goes away or comes back."""

from __future__ import annotations

from avatar_contract.terms import NoticeCode, Stage
from gateway.session.outputs import NoticeGiven

_AWAY = {
    Stage.STT: "The speech recogniser does not answer: speech is not understood. Type instead.",
    Stage.LLM: "The language model does not answer: there are no answers now.",
    Stage.TTS_FAST: "The voice does not answer: answers are shown, not spoken.",
    Stage.TTS_HQ: "The high-quality voice does not answer: use the fast one.",
    Stage.PROFILE: "Storage does not answer: turns are kept here and stored later; "
    "voices and history are away.",
}
_BACK = {
    Stage.STT: "The speech recogniser is back.",
    Stage.LLM: "The language model is back.",
    Stage.TTS_FAST: "The voice is back.",
    Stage.TTS_HQ: "The high-quality voice is back.",
    Stage.PROFILE: "Storage is back.",
}


def engine_notice(stage: Stage, *, away: bool) -> NoticeGiven:
    """In words, with what still works; a page has its own words for the code and the stage."""
    if away:
        return NoticeGiven(NoticeCode.ENGINE_AWAY, _AWAY[stage], stage=stage)
    return NoticeGiven(NoticeCode.ENGINE_BACK, _BACK[stage], stage=stage)
