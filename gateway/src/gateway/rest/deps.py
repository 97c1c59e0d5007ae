"""What the routes work with; `app.py` builds one and puts it at `app.state.rest`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from pydantic import BaseModel, Field

from gateway.edge.admission import Admission
from gateway.edge.decode import DecodeWorkers
from gateway.edge.guard import KeyRing
from gateway.rest.upstream import Upstream


class StageFigures(BaseModel):
    """How long a stage took lately, in milliseconds."""

    count: int = Field(description="measurements behind the figures")
    p50_ms: float
    p95_ms: float


@dataclass(frozen=True, slots=True)
class RestDeps:
    """Services, and the parts of the gateway that REST reads."""

    stt: Upstream
    llm: Upstream
    tts_fast: Upstream
    tts_hq: Upstream
    profile: Upstream
    admission: Admission
    keys: KeyRing
    decoding: DecodeWorkers
    figures: Callable[[], Mapping[str, StageFigures]]
    """Figures by stage (`stt`, `llm`, `tts`, `first_audio`, …) of the last turns."""

    @property
    def services(self) -> dict[str, Upstream]:
        """Every service by the name that `/api/status` uses."""
        return {
            "stt": self.stt,
            "llm": self.llm,
            "tts_fast": self.tts_fast,
            "tts_hq": self.tts_hq,
            "profile": self.profile,
        }

    @property
    def speakers(self) -> list[Upstream]:
        """The speech services, one entry when both modes are one process."""
        if self.tts_fast.url == self.tts_hq.url:
            return [self.tts_fast]
        return [self.tts_fast, self.tts_hq]


def _deps(request: Request) -> RestDeps:
    deps: RestDeps = request.app.state.rest
    return deps


Deps = Annotated[RestDeps, Depends(_deps)]
