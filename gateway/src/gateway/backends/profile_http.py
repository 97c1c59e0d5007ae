"""profile-service as sessions need it: turns written and found, voices read."""

from __future__ import annotations

import asyncio
import time
from typing import NamedTuple
from uuid import UUID

import httpx

from avatar_contract.audio import HOUSE_RATE, wav_bytes
from avatar_contract.errors import AvatarError, NotFound, ProfileUnavailable
from avatar_contract.records import (
    DEFAULT_OWNER,
    OWNER_HEADER,
    TurnRecord,
    TurnView,
    VoiceProfile,
    VoiceProfilePage,
)
from avatar_contract.service import get_logger, trace
from gateway.backends.http import bearer, raise_problem
from gateway.backends.voices import Reference

log = get_logger(__name__)

_FRESH_S = 5.0


class _Known(NamedTuple):
    """A voice as it was last looked up."""

    at: float
    voice: tuple[UUID, str] | None


class ProfileClient:
    """Talks to profile-service for one owner."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        url: str,
        api_key: str | None = None,
        owner: str = DEFAULT_OWNER,
    ) -> None:
        self._client = client
        self._url = url.rstrip("/")
        self._headers = bearer(api_key) | {OWNER_HEADER: owner}
        self._known: dict[UUID | None, _Known] = {}
        self._learning: dict[UUID | None, asyncio.Task[None]] = {}

    # --- Archive ----------------------------------------------------------------------------

    async def find(self, utterance_id: UUID) -> TurnView | None:
        """The turn of an utterance. Raises ProfileUnavailable."""
        try:
            response = await self._get("/v1/turns", {"utterance_id": str(utterance_id)})
        except NotFound:
            return None
        return TurnView.model_validate_json(response.content)

    async def store(
        self, record: TurnRecord, user_pcm: bytes | None, ai_pcm: bytes | None, ai_rate: int
    ) -> TurnView:
        """Writes a turn. `user_pcm` is 16 kHz, `ai_pcm` at `ai_rate` Hz."""
        files: dict[str, tuple[str | None, bytes | str, str]] = {
            "record": (None, record.model_dump_json(), "application/json")
        }
        if user_pcm:
            files["user_audio"] = ("user.wav", wav_bytes(user_pcm, HOUSE_RATE), "audio/wav")
        if ai_pcm:
            files["ai_audio"] = ("ai.wav", wav_bytes(ai_pcm, ai_rate), "audio/wav")
        try:
            response = await self._client.put(
                f"{self._url}/v1/turns/{record.turn_id}",
                files=files,
                headers=self._headers | trace.headers(),
            )
        except httpx.HTTPError as cause:
            raise ProfileUnavailable("The turn could not be stored: no answer.") from cause
        await raise_problem(response, ProfileUnavailable)
        return TurnView.model_validate_json(response.content)

    # --- VoiceBook --------------------------------------------------------------------------

    async def etag(self, profile_id: UUID | None) -> tuple[UUID, str] | None:
        """The id and etag of a profile, or of the default one.

        A known answer is given at once and looked up again behind it: the first clause of a reply
        must not wait for a database.
        """
        known = self._known.get(profile_id)
        if known is None:
            return await self._learn(profile_id)
        if time.monotonic() - known.at > _FRESH_S and profile_id not in self._learning:
            self._learning[profile_id] = asyncio.ensure_future(self._learn_again(profile_id))
        return known.voice

    async def _learn(self, profile_id: UUID | None) -> tuple[UUID, str] | None:
        voice = await self._default_voice() if profile_id is None else await self._named(profile_id)
        self._known[profile_id] = _Known(time.monotonic(), voice)
        return voice

    async def _learn_again(self, profile_id: UUID | None) -> None:
        try:
            await self._learn(profile_id)
        except AvatarError as error:
            log.warning("voices.lookup_failed", code=error.code)
            self._known.pop(profile_id, None)
        finally:
            del self._learning[profile_id]

    async def _named(self, profile_id: UUID) -> tuple[UUID, str]:
        return profile_id, (await self._profile(profile_id)).etag

    async def reference(self, profile_id: UUID) -> Reference:
        """The recording of a profile. Raises NotFound or ProfileUnavailable."""
        profile = await self._profile(profile_id)
        audio = await self._get(f"/v1/voice-profiles/{profile_id}/audio")
        return Reference(audio.content, profile.reference_text)

    async def _default_voice(self) -> tuple[UUID, str] | None:
        params: dict[str, str] = {}
        while True:
            answer = await self._get("/v1/voice-profiles", params)
            page = VoiceProfilePage.model_validate_json(answer.content)
            chosen = next((item for item in page.items if item.is_default), None)
            if chosen is not None or page.next_cursor is None:
                return await self._named(chosen.id) if chosen else None
            params = {"cursor": page.next_cursor}

    async def _profile(self, profile_id: UUID) -> VoiceProfile:
        response = await self._get(f"/v1/voice-profiles/{profile_id}")
        return VoiceProfile.model_validate_json(response.content)

    async def _get(self, path: str, params: dict[str, str] | None = None) -> httpx.Response:
        try:
            response = await self._client.get(
                self._url + path, params=params, headers=self._headers | trace.headers()
            )
        except httpx.HTTPError as cause:
            raise ProfileUnavailable("The profile service can't be reached.") from cause
        await raise_problem(response, ProfileUnavailable)
        return response
