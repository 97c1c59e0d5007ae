"""The real stt-service (its Silero, endpointing and socket) with the stand-in recogniser.

``STANDIN_PORT`` names the recogniser. ``SILERO_ALWAYS=1`` opens the energy gate for good, so that
the model hears every window of every session.
"""

import os
from typing import Any

from avatar_bench.standins.link import RecogniserLink
from avatar_contract.health import ModelHealth
from avatar_contract.service import serve
from avatar_contract.terms import EngineInfo
from stt_service.app import NAME, make_app
from stt_service.backends.base import Hints, Transcript
from stt_service.hearing.level import Gate
from stt_service.settings import SttSettings


class LinkedDictation:
    """One utterance at the stand-in."""

    settle_after_ms = 0.0
    at_once = 6

    def __init__(self, link: RecogniserLink) -> None:
        self._link = link
        self._number = link.open()
        self._unsent = bytearray()
        self._closed = False

    def feed(self, pcm: bytes) -> None:
        """Kept until somebody looks: fewer, larger writes."""
        self._unsent += pcm

    async def glance(self) -> Transcript | None:
        """Costs what a settle does."""
        return await self.settle()

    async def settle(self) -> Transcript:
        """The words in the sound so far."""
        self._link.feed(self._number, bytes(self._unsent))
        self._unsent.clear()
        said = await self._link.look(self._number)
        return Transcript(said["text"], "en")

    def hurry(self) -> None:
        """A look costs the same whenever it is asked for."""

    async def close(self) -> None:
        """The stand-in forgets it."""
        if not self._closed:
            self._closed = True
            self._link.forget(self._number)


class LinkedRecogniser:
    """The stand-in behind stt-service's seam."""

    def __init__(self, port: int) -> None:
        self._link = RecogniserLink(port)

    def info(self) -> EngineInfo:
        """As the page would show it."""
        return EngineInfo(name="stand-in", kind="local", languages=["en", "zh-TW"])

    def health(self) -> ModelHealth:
        """Always ready."""
        return ModelHealth(name="stand-in")

    def load(self) -> dict[str, float]:
        """Nothing of note."""
        return {}

    def check_language(self, language: str) -> None:
        """Knows them all."""

    async def start(self) -> None:
        """Connects."""
        await self._link.connect()

    async def listen(self, hints: Hints) -> LinkedDictation:
        """Opens an utterance."""
        return LinkedDictation(self._link)

    async def transcribe(self, pcm: bytes, hints: Hints) -> Transcript:
        """A whole recording."""
        dictation = LinkedDictation(self._link)
        dictation.feed(pcm)
        try:
            return await dictation.settle()
        finally:
            await dictation.close()

    async def close(self) -> None:
        """Disconnects."""
        await self._link.close()


def _open(_gate: Gate, _loudest_db: float, _quietest_db: float) -> bool:
    return True


def main() -> None:
    """Serves until told to stop."""
    settings = SttSettings()
    recogniser: Any = LinkedRecogniser(int(os.environ["STANDIN_PORT"]))
    if os.environ.get("SILERO_ALWAYS") == "1":
        Gate.step = _open  # type: ignore[method-assign,assignment]
    serve(NAME, lambda: make_app(settings, recogniser), settings)


if __name__ == "__main__":
    main()
