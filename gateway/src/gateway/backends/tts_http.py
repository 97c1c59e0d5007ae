"""Speech from tts-service over ``POST /v1/audio/speech``, voices put where they are missing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

import httpx

from avatar_contract.errors import AvatarError, NotFound, TtsUnavailable, VoiceNotLoaded
from avatar_contract.service import get_logger, trace
from avatar_contract.speech import NOTICE_HEADER, SpeechRequest, SpokenNotice, VoicePut, pcm_rate
from avatar_contract.wire import NoticeCode, TtsMode
from gateway.backends.http import bearer, raise_problem
from gateway.backends.protocols import ClauseRequest, SpeechStream

log = get_logger(__name__)

_SILENCE_TIMEOUT_S = 20.0

_FELL_BACK = SpokenNotice(
    code=NoticeCode.VOICE_FELL_BACK,
    message="The chosen voice can't be had; the engine's own voice speaks.",
)


@dataclass(frozen=True, slots=True)
class Reference:
    """A voice profile as an engine needs it."""

    etag: str
    wav: bytes
    text: str


class VoiceBook(Protocol):
    """Where voices come from."""

    async def etag(self, profile_id: UUID | None) -> tuple[UUID, str] | None:
        """The id and etag of a profile, or of the default one; None where there is none."""

    async def reference(self, profile_id: UUID) -> Reference:
        """The recording of a profile. Raises NotFound or ProfileUnavailable."""


@dataclass(frozen=True, slots=True)
class SpeechAddress:
    """One tts process."""

    url: str
    api_key: str | None = None


class SpeechClient:
    """Speaks with one process a mode."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        addresses: dict[TtsMode, SpeechAddress],
        voices: VoiceBook,
    ) -> None:
        self._client = client
        self._addresses = addresses
        self._voices = voices
        self._loaded: dict[tuple[TtsMode, UUID, str], str] = {}
        """By mode, profile and the profile's etag: the etag that the engine gave it."""

    @asynccontextmanager
    async def speak(self, request: ClauseRequest) -> AsyncIterator[SpeechStream]:
        """Leaving the context cancels the request. Raises TtsUnavailable."""
        address = self._addresses[request.mode]
        named, notice = await self._voice_of(request)
        body = SpeechRequest(
            input=request.text,
            voice=self._name(request.mode, named),
            response_format="pcm",
            language=request.language,
            mode=request.mode,
        )
        try:
            response = await self._ask(address, body)
            if named and await _voice_is_missing(response):
                await response.aclose()
                notice = await self._load(address, request, named, body)
                response = await self._ask(address, body)
            try:
                await raise_problem(response, TtsUnavailable)
                yield _stream(response, notice)
            finally:
                await response.aclose()
        except httpx.TimeoutException as cause:
            raise TtsUnavailable("The voice engine stalls: no sound came in time.") from cause
        except httpx.HTTPError as cause:
            raise TtsUnavailable("The voice engine can't be reached, or broke off.") from cause

    async def check(self, voice_profile_id: UUID | None) -> None:
        """Looks a profile up, or the default one. Raises NotFound or ProfileUnavailable."""
        await self._voices.etag(voice_profile_id)

    async def _voice_of(
        self, request: ClauseRequest
    ) -> tuple[tuple[UUID, str] | None, SpokenNotice | None]:
        """The voice's id and etag. A voice that is gone must not silence the assistant."""
        try:
            return await self._voices.etag(request.voice_profile_id), None
        except AvatarError as error:
            log.warning("speech.voice_fell_back", code=error.code)
            if request.voice_profile_id is None:
                return None, None
            return None, _FELL_BACK

    def _name(self, mode: TtsMode, named: tuple[UUID, str] | None) -> str | None:
        if named is None:
            return None
        return f"{named[0]}@{self._loaded.get((mode, *named), named[1])}"

    async def _ask(self, address: SpeechAddress, body: SpeechRequest) -> httpx.Response:
        request = self._client.build_request(
            "POST",
            f"{address.url.rstrip('/')}/v1/audio/speech",
            json=body.model_dump(exclude_none=True),
            headers=bearer(address.api_key) | trace.headers(),
            timeout=httpx.Timeout(_SILENCE_TIMEOUT_S, connect=3, pool=3),
        )
        return await self._client.send(request, stream=True)

    async def _load(
        self,
        address: SpeechAddress,
        request: ClauseRequest,
        named: tuple[UUID, str],
        body: SpeechRequest,
    ) -> SpokenNotice | None:
        """Gives the engine the voice it lacks, and `body` its name there."""
        try:
            self._loaded[request.mode, *named] = await self._put(address, named[0])
        except NotFound:
            # Deleted since it was looked up.
            body.voice = None
            return _FELL_BACK
        body.voice = self._name(request.mode, named)
        return None

    async def _put(self, address: SpeechAddress, profile_id: UUID) -> str:
        reference = await self._voices.reference(profile_id)
        response = await self._client.put(
            f"{address.url.rstrip('/')}/v1/voices/{profile_id}",
            files={"file": ("reference.wav", reference.wav, "audio/wav")},
            data={"reference_text": reference.text},
            headers=bearer(address.api_key) | trace.headers(),
            timeout=httpx.Timeout(60, connect=3),
        )
        await raise_problem(response, TtsUnavailable)
        return VoicePut.model_validate_json(response.content).etag


async def _voice_is_missing(response: httpx.Response) -> bool:
    if response.status_code != VoiceNotLoaded.status:
        return False
    try:
        await raise_problem(response, TtsUnavailable)
    except AvatarError as error:
        return isinstance(error, VoiceNotLoaded)
    return False


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
