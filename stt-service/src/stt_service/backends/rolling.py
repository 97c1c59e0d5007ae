"""An utterance for engines that only transcribe whole recordings: its growing audio, repeatedly.

What the looks agree on is what the listener calls stable. Long utterances are committed piece by
piece at their pauses, so that neither the work nor the memory grows with them.
"""

from collections.abc import Awaitable, Callable

from stt_service.backends.base import NOTHING, Transcript
from stt_service.words.normal import join

BYTES_PER_S = 32_000
_COMMIT_BYTES = 20 * BYTES_PER_S
_SHORTEST_BYTES = BYTES_PER_S // 5
_GROWTH = 1.5

Transcribe = Callable[[bytes, bool], Awaitable[Transcript | None]]
"""Words of a recording; the flag: as well as the engine can. None: too busy for a mere look."""


class RollingDictation:
    """Re-transcribes the growing utterance."""

    def __init__(
        self,
        transcribe: Transcribe,
        on_close: Callable[[], None],
        *,
        at_once: int,
        settle_after_ms: Callable[[], float] = lambda: 0.0,
        on_hurry: Callable[[], None] = lambda: None,
    ) -> None:
        self._transcribe = transcribe
        self._on_close = on_close
        self._on_hurry = on_hurry
        self.at_once = at_once
        self._settle_after_ms = settle_after_ms
        self._audio = bytearray()
        self._kept = ""
        self._language: str | None = None
        self._looked_bytes = 0
        self._closed = False

    @property
    def settle_after_ms(self) -> float:
        """Silence after which a good look is worth its price, as things are now."""
        return self._settle_after_ms()

    def feed(self, pcm: bytes) -> None:
        self._audio += pcm

    def hurry(self) -> None:
        self._on_hurry()

    async def glance(self) -> Transcript | None:
        # Work a second of speech stays bounded: the longer the audio, the rarer the looks.
        if len(self._audio) < max(_SHORTEST_BYTES, self._looked_bytes * _GROWTH - 4 * BYTES_PER_S):
            return None
        self._looked_bytes = len(self._audio)
        kept = self._kept
        said = await self._transcribe(bytes(self._audio), False)
        return None if said is None else self._whole(kept, said)

    async def settle(self) -> Transcript:
        kept, audio = self._kept, bytes(self._audio)
        if len(audio) < _SHORTEST_BYTES:
            return self._whole(kept, NOTHING)
        said = await self._transcribe(audio, True) or NOTHING
        whole = self._whole(kept, said)
        # Of settles that overlap, the first to answer commits its audio.
        if len(audio) > _COMMIT_BYTES and kept is self._kept:
            self._kept = whole.text
            self._looked_bytes = 0
            del self._audio[: len(audio)]
        return whole

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._audio.clear()
            self._on_close()

    def _whole(self, kept: str, said: Transcript) -> Transcript:
        self._language = said.language or self._language
        return Transcript(join(kept, said.text), self._language, said.stretches, said.doubtful)
