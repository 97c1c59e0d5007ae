"""The voice engines over ``POST /v1/audio/speech``: a clause and a voice in, PCM out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import httpx

from avatar_contract.errors import TtsUnavailable
from avatar_contract.service import get_logger
from avatar_contract.speech import NOTICE_HEADER, SpeechRequest, SpokenNotice, pcm_rate
from gateway.services.caller import Patience
from gateway.services.voices import FELL_BACK, VoiceRefusedError, Voices
from gateway.session.ports import ClauseRequest, SpeechStream

log = get_logger(__name__)


class SpeechClient:
    """Speaks clauses with the engine of each mode."""

    def __init__(self, voices: Voices, *, silence_timeout_s: float = 20.0) -> None:
        self._voices = voices
        self._patience = Patience(silence=silence_timeout_s)

    @asynccontextmanager
    async def speak(self, request: ClauseRequest) -> AsyncIterator[SpeechStream]:
        """Leaving the context cancels the request. Raises TtsUnavailable."""
        response, notice = await self._begin(request)
        try:
            yield _stream(response, notice)
        except httpx.TimeoutException as cause:
            raise TtsUnavailable("The voice engine stalls: no sound came in time.") from cause
        except httpx.HTTPError as cause:
            raise TtsUnavailable("The voice engine broke off.") from cause
        finally:
            await response.aclose()

    async def check(self, voice_profile_id: UUID | None) -> None:
        """Looks a profile up, or the default one. Raises NotFound or ProfileUnavailable."""
        await self._voices.check(voice_profile_id)

    async def forget(self, voice_id: UUID) -> None:
        """Takes a person's own voice back from the engines that were given it."""
        await self._voices.forget(voice_id)

    async def _begin(self, request: ClauseRequest) -> tuple[httpx.Response, SpokenNotice | None]:
        chosen, notice = await self._voices.choose(request)
        speech = SpeechRequest(
            input=request.text,
            response_format="pcm",
            language=request.language,
            mode=request.mode,
            opening=request.opening,
        )
        try:
            return await self._voices.begin(speech, chosen, self._patience), notice
        except VoiceRefusedError as error:
            log.warning("speech.voice_fell_back", code=error.cause.code)
            return await self._voices.begin(speech, None, self._patience), FELL_BACK


def _stream(response: httpx.Response, notice: SpokenNotice | None) -> SpeechStream:
    header = response.headers.get(NOTICE_HEADER)
    return SpeechStream(
        sample_rate=pcm_rate(response.headers.get("content-type", "")),
        notice=SpokenNotice.parse(header) if header else notice,
        pieces=_whole_samples(response.aiter_raw()),
    )


async def _whole_samples(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Chunks cut at sample boundaries: transport cuts anywhere."""
    odd = b""
    async for chunk in chunks:
        data = odd + chunk
        even = len(data) & ~1
        odd = data[even:]
        if even:
            yield data[:even]
