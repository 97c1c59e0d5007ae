"""profile-service as sessions need it: turns written and found, voices read."""

from __future__ import annotations

import time
from uuid import UUID

import httpx

from avatar_contract.audio import HOUSE_RATE, wav_bytes
from avatar_contract.errors import NotFound, ProfileUnavailable
from avatar_contract.records import (
    DEFAULT_OWNER,
    OWNER_HEADER,
    TurnRecord,
    TurnView,
    VoiceProfile,
    VoiceProfilePage,
)
from avatar_contract.service import trace
from gateway.backends.http import bearer, raise_problem
from gateway.backends.tts_http import Reference

_VOICES_FRESH_S = 5.0


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
        self._default: tuple[float, tuple[UUID, str] | None] = (-_VOICES_FRESH_S, None)
        self._etags: dict[UUID, tuple[float, str]] = {}

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
        """The id and etag of a profile, or of the default one; asked anew after some seconds.

        A profile that is gone, or a profile-service that is, must not silence the assistant: then
        the engine's own voice speaks.
        """
        now = time.monotonic()
        if profile_id is None:
            if now - self._default[0] > _VOICES_FRESH_S:
                self._default = (now, await self._default_voice())
            return self._default[1]
        if profile_id not in self._etags or now - self._etags[profile_id][0] > _VOICES_FRESH_S:
            self._etags[profile_id] = (now, (await self._profile(profile_id)).etag)
        return profile_id, self._etags[profile_id][1]

    async def reference(self, profile_id: UUID) -> Reference:
        """The recording of a profile. Raises NotFound or ProfileUnavailable."""
        profile = await self._profile(profile_id)
        audio = await self._get(f"/v1/voice-profiles/{profile_id}/audio")
        return Reference(profile.etag, audio.content, profile.reference_text)

    async def _default_voice(self) -> tuple[UUID, str] | None:
        page = await self._get("/v1/voice-profiles")
        items = VoiceProfilePage.model_validate_json(page.content).items
        chosen = next((item for item in items if item.is_default), None)
        return (chosen.id, (await self._profile(chosen.id)).etag) if chosen else None

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
