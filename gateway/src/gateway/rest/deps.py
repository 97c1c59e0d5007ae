"""What the routes work with; `app.py` builds one and puts it at `app.state.rest`."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request

from avatar_contract.records import ResumeGranted
from avatar_contract.transcription import MAX_RECORDING_S
from gateway.edge.decode import DecodeWorkers
from gateway.edge.guard import KeyRing
from gateway.live.admission import Admission
from gateway.live.figures import StageFigures
from gateway.services.caller import Caller
from gateway.services.profile import Profiles
from gateway.services.voices import Voices


@dataclass(frozen=True, slots=True)
class RestDeps:
    """Services, and the parts of the gateway that REST reads."""

    stt: Caller
    llm: Caller
    tts_fast: Caller
    tts_hq: Caller
    profile: Caller
    profiles: Profiles
    voices: Voices
    admission: Admission
    grant_resume: Callable[[UUID], Awaitable[ResumeGranted]]
    """Makes one more token for a conversation that is kept."""
    delivered: Callable[[UUID | None], Awaitable[None]]
    """Waits a moment until the turns of a conversation, or all, have left this gateway's disk:
    who reads or deletes after a turn ended must not miss it."""
    keys: KeyRing
    decoding: DecodeWorkers
    figures: Callable[[], Mapping[str, StageFigures]]
    """Figures by stage (`stt`, `llm`, `tts`, `first_audio`, …) of the last turns."""
    max_recording_s: float = MAX_RECORDING_S
    """Longest recording to transcribe, s."""

    @property
    def services(self) -> dict[str, Caller]:
        """Every service by the name that `/api/status` uses."""
        return {
            "stt": self.stt,
            "llm": self.llm,
            "tts_fast": self.tts_fast,
            "tts_hq": self.tts_hq,
            "profile": self.profile,
        }


def _deps(request: Request) -> RestDeps:
    deps: RestDeps = request.app.state.rest
    return deps


Deps = Annotated[RestDeps, Depends(_deps)]
