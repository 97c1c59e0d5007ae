"""profile-service as the gateway needs it: turns written and found, voices read."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from avatar_contract.audio import HOUSE_RATE, wav_bytes
from avatar_contract.errors import AvatarError, NotFound
from avatar_contract.records import (
    ClaimedSession,
    SessionClaim,
    SessionToken,
    TurnRecord,
    TurnView,
    VoiceProfile,
    VoiceProfileChange,
    VoiceProfilePage,
)
from avatar_contract.service import get_logger
from gateway.services.caller import BRIEF, UPLOAD, Caller
from gateway.services.voices import Reference

log = get_logger(__name__)

_FRESH_S = 5.0
_PROFILES = "/v1/voice-profiles"


class _Known(NamedTuple):
    """A voice as it was last looked up."""

    at: float
    voice: tuple[UUID, str] | None


class Profiles:
    """Talks to profile-service."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._known: dict[UUID | None, _Known] = {}
        self._learning: dict[UUID | None, asyncio.Task[None]] = {}
        self._changes = 0

    # --- turns ------------------------------------------------------------------------------

    async def find(self, utterance_id: UUID) -> TurnView | None:
        """The turn of an utterance. Raises ProfileUnavailable."""
        try:
            answer = await self._caller.call(
                "GET", "/v1/turns", patience=BRIEF, params={"utterance_id": str(utterance_id)}
            )
        except NotFound:
            return None
        return self._caller.read(TurnView, answer)

    async def store(
        self, record: TurnRecord, user_pcm: bytes | None, ai_pcm: bytes | None, ai_rate: int
    ) -> TurnView:
        """Writes a turn. `user_pcm` is 16 kHz, `ai_pcm` at `ai_rate` Hz.

        Raises ProfileUnavailable, StorageFull or Conflict.
        """
        files: dict[str, tuple[str | None, bytes | str, str]] = {
            "record": (None, record.model_dump_json(), "application/json")
        }
        if user_pcm:
            files["user_audio"] = ("user.wav", wav_bytes(user_pcm, HOUSE_RATE), "audio/wav")
        if ai_pcm:
            files["ai_audio"] = ("ai.wav", wav_bytes(ai_pcm, ai_rate), "audio/wav")
        path = f"/v1/turns/{record.turn_id}"
        answer = await self._caller.call("PUT", path, patience=UPLOAD, again=True, files=files)
        return self._caller.read(TurnView, answer)

    # --- sessions ---------------------------------------------------------------------------

    async def claim(self, token_hash: str, expires_at: datetime) -> ClaimedSession:
        """Takes a session over. Raises NotFound or ProfileUnavailable.

        Never done twice: each claim raises the session's epoch.
        """
        claim = SessionClaim(token_hash=token_hash, expires_at=expires_at)
        body = claim.model_dump(mode="json")
        answer = await self._caller.call("POST", "/v1/sessions/claim", patience=BRIEF, json=body)
        return self._caller.read(ClaimedSession, answer)

    async def grant(self, session_id: UUID, token_hash: str, expires_at: datetime) -> None:
        """One more token for a conversation that is kept. Raises NotFound or ProfileUnavailable."""
        token = SessionToken(token_hash=token_hash, expires_at=expires_at)
        await self._caller.call(
            "PUT",
            f"/v1/sessions/{session_id}/token",
            patience=BRIEF,
            again=True,
            json=token.model_dump(mode="json"),
        )

    # --- voices -----------------------------------------------------------------------------

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

    async def reference(self, profile_id: UUID) -> Reference:
        """The recording of a profile. Raises NotFound or ProfileUnavailable."""
        profile = await self.voice(profile_id)
        audio = await self._caller.call("GET", f"{_PROFILES}/{profile_id}/audio", patience=UPLOAD)
        return Reference(audio.content, profile.reference_text)

    async def change(self, profile_id: UUID, change: VoiceProfileChange) -> VoiceProfile:
        """Writes what was learnt of a voice. Raises NotFound or ProfileUnavailable."""
        body = change.model_dump(exclude_none=True)
        path = f"{_PROFILES}/{profile_id}"
        try:
            answer = await self._caller.call("PUT", path, patience=BRIEF, again=True, json=body)
        finally:
            self.changed(profile_id)
        return self._caller.read(VoiceProfile, answer)

    def changed(self, profile_id: UUID) -> None:
        """A profile may be another one now, or another one the default: who asks looks it up."""
        self._changes += 1
        self._known.pop(profile_id, None)
        self._known.pop(None, None)

    async def voice(self, profile_id: UUID) -> VoiceProfile:
        """A voice profile. Raises NotFound or ProfileUnavailable."""
        answer = await self._caller.call("GET", f"{_PROFILES}/{profile_id}", patience=BRIEF)
        return self._caller.read(VoiceProfile, answer)

    async def _learn(self, profile_id: UUID | None) -> tuple[UUID, str] | None:
        changes = self._changes
        voice = await self._default_voice() if profile_id is None else await self._named(profile_id)
        # What was asked before a change may have been answered from before it.
        if changes == self._changes:
            self._known[profile_id] = _Known(time.monotonic(), voice)
        return voice

    async def _learn_again(self, profile_id: UUID | None) -> None:
        try:
            await self._learn(profile_id)
        except NotFound:
            self._known.pop(profile_id, None)
        except AvatarError as error:
            # Storage is away: the voice that was known speaks on.
            log.warning("voices.lookup_failed", code=error.code)
        finally:
            del self._learning[profile_id]

    async def _named(self, profile_id: UUID) -> tuple[UUID, str]:
        return profile_id, (await self.voice(profile_id)).etag

    async def _default_voice(self) -> tuple[UUID, str] | None:
        params: dict[str, str] = {}
        while True:
            answer = await self._caller.call("GET", _PROFILES, patience=BRIEF, params=params)
            page = self._caller.read(VoiceProfilePage, answer)
            chosen = next((item for item in page.items if item.is_default), None)
            if chosen is not None or page.next_cursor is None:
                return await self._named(chosen.id) if chosen else None
            params = {"cursor": page.next_cursor}
