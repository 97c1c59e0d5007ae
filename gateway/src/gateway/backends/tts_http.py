"""Speech from tts-service over ``POST /v1/audio/speech``, voices put where they are missing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import httpx

from avatar_contract.errors import (
    AvatarError,
    RequestError,
    TtsUnavailable,
    VoiceNotLoaded,
)
from avatar_contract.service import get_logger, trace
from avatar_contract.speech import NOTICE_HEADER, SpeechRequest, SpokenNotice, VoicePut, pcm_rate
from avatar_contract.wire import TtsMode
from gateway.backends.http import bearer, raise_problem
from gateway.backends.protocols import ClauseRequest, SpeechStream
from gateway.backends.voices import FELL_BACK, Chosen, VoiceBook, choose, reference

log = get_logger(__name__)


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
        *,
        silence_timeout_s: float = 20.0,
    ) -> None:
        self._client = client
        self._timeout = httpx.Timeout(silence_timeout_s, connect=3, pool=3)
        self._addresses = addresses
        self._voices = voices
        self._loaded: dict[tuple[TtsMode, UUID, str], str] = {}
        """By mode, profile and the profile's etag: the etag that the engine gave it."""

    @asynccontextmanager
    async def speak(self, request: ClauseRequest) -> AsyncIterator[SpeechStream]:
        """Leaving the context cancels the request. Raises TtsUnavailable."""
        address = self._addresses[request.mode]
        chosen, notice = await choose(self._voices, request)
        body = SpeechRequest(
            input=request.text,
            voice=self._name(request.mode, chosen),
            response_format="pcm",
            language=request.language,
            mode=request.mode,
        )
        try:
            response = await self._ask(address, body)
            if chosen and await _voice_is_missing(response):
                await response.aclose()
                notice = await self._load(address, request.mode, chosen, body)
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

    async def forget(self, voice_id: UUID) -> None:
        """Takes a person's own voice back from the engines that were given it."""
        given = {mode for mode, known, _ in self._loaded if known == voice_id}
        self._loaded = {key: etag for key, etag in self._loaded.items() if key[1] != voice_id}
        for mode in given:
            address = self._addresses[mode]
            try:
                await self._client.delete(
                    f"{address.url.rstrip('/')}/v1/voices/{voice_id}",
                    headers=bearer(address.api_key) | trace.headers(),
                )
            except httpx.HTTPError as cause:
                raise TtsUnavailable("A voice could not be taken back from its engine.") from cause

    def _name(self, mode: TtsMode, chosen: Chosen | None) -> str | None:
        if chosen is None:
            return None
        etag = self._loaded.get((mode, chosen.voice_id, chosen.etag), chosen.etag)
        return f"{chosen.voice_id}@{etag}"

    async def _ask(self, address: SpeechAddress, body: SpeechRequest) -> httpx.Response:
        request = self._client.build_request(
            "POST",
            f"{address.url.rstrip('/')}/v1/audio/speech",
            json=body.model_dump(exclude_none=True),
            headers=bearer(address.api_key) | trace.headers(),
            timeout=self._timeout,
        )
        return await self._client.send(request, stream=True)

    async def _load(
        self, address: SpeechAddress, mode: TtsMode, chosen: Chosen, body: SpeechRequest
    ) -> SpokenNotice | None:
        """Gives the engine the voice it lacks, and `body` its name there."""
        try:
            etag = await self._put(address, chosen)
        except RequestError as error:
            # Deleted since it was looked up, or not good enough for this engine: silent, too long,
            # without the words that a cloning engine needs.
            log.warning("speech.voice_fell_back", code=error.code)
            body.voice = None
            return FELL_BACK
        self._loaded[mode, chosen.voice_id, chosen.etag] = etag
        body.voice = self._name(mode, chosen)
        return None

    async def _put(self, address: SpeechAddress, chosen: Chosen) -> str:
        wav, text = await reference(self._voices, chosen)
        response = await self._client.put(
            f"{address.url.rstrip('/')}/v1/voices/{chosen.voice_id}",
            files={"file": ("reference.wav", wav, "audio/wav")},
            data={"reference_text": text},
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
