"""The conducting of voices: profile-service keeps them, stt hears them, tts speaks with them.

    upload ──▶ profile  stored, checked, decoded
           ◀── profile  the reference as wav
           ──▶ stt      its words, when none were given
           ──▶ tts      the voice itself; answers an embedding where it can
           ──▶ profile  words and embedding

Only storing must succeed: words and embedding can be added later.
"""

from dataclasses import dataclass, field
from uuid import UUID

import httpx
from pydantic import ValidationError

from avatar_contract.errors import AvatarError, NoSpeech, VoiceNotLoaded
from avatar_contract.records import VoiceProfile, VoiceProfileChange
from avatar_contract.service import get_logger
from avatar_contract.speech import SpeechRequest, VoicePut
from avatar_contract.transcription import TranscriptionJson
from gateway.rest.upstream import Upstream

log = get_logger(__name__)

_PROFILES = "/v1/voice-profiles"
_SPEECH = "/v1/audio/speech"


@dataclass(frozen=True, slots=True)
class VoiceDesk:
    """Works on one voice at a time; keeps nothing."""

    profile: Upstream
    stt: Upstream
    speakers: list[Upstream] = field(default_factory=list)

    async def get(self, profile_id: UUID) -> VoiceProfile:
        """The profile; raises `NotFound`."""
        answer = await self.profile.call("GET", f"{_PROFILES}/{profile_id}")
        return self.profile.read(VoiceProfile, answer)

    async def complete(self, voice: VoiceProfile) -> VoiceProfile:
        """Add the words and the embedding of a profile that was just stored."""
        wav = await self._reference(voice)
        words = voice.reference_text or await self._words(wav)
        embedding: list[float] | None = None
        for speaker in self.speakers:
            put = await self._try_put(speaker, voice, wav, words)
            embedding = embedding or (put.embedding if put else None)
        change = VoiceProfileChange(
            reference_text=words if words != voice.reference_text else None, embedding=embedding
        ).model_dump(exclude_none=True)
        if not change:
            return voice
        answer = await self.profile.call("PUT", f"{_PROFILES}/{voice.id}", json=change)
        return self.profile.read(VoiceProfile, answer)

    async def forget(self, profile_id: UUID) -> None:
        """Delete every engine's copy; one that is away holds it in memory only."""
        for speaker in self.speakers:
            try:
                await speaker.call("DELETE", f"/v1/voices/{profile_id}")
            except AvatarError as error:
                log.warning("voice.forget_failed", service=speaker.name, code=error.code)

    async def speak(
        self, tts: Upstream, request: SpeechRequest, voice: VoiceProfile
    ) -> httpx.Response:
        """Begin to speak with a profile; the voice is put and asked for once more when needed."""
        try:
            return await _begin(tts, request, f"{voice.id}@{voice.etag}")
        except VoiceNotLoaded:
            wav = await self._reference(voice)
            put = await self._put(tts, voice, wav, voice.reference_text)
            return await _begin(tts, request, f"{voice.id}@{put.etag}")

    async def _reference(self, voice: VoiceProfile) -> bytes:
        return (await self.profile.call("GET", f"{_PROFILES}/{voice.id}/audio")).content

    async def _words(self, wav: bytes) -> str:
        """What stt hears in a reference; "" when it can't: the owner may write it."""
        try:
            answer = await self.stt.call(
                "POST",
                "/v1/audio/transcriptions",
                files={"file": ("reference.wav", wav, "audio/wav")},
                data={"response_format": "json"},
            )
            return TranscriptionJson.model_validate_json(answer.content).text.strip()
        except NoSpeech:
            return ""
        except (AvatarError, ValidationError) as error:
            log.warning("voice.words_failed", kind=type(error).__name__)
            return ""

    async def _try_put(
        self, tts: Upstream, voice: VoiceProfile, wav: bytes, words: str
    ) -> VoicePut | None:
        try:
            return await self._put(tts, voice, wav, words)
        except AvatarError as error:
            log.warning("voice.put_failed", service=tts.name, code=error.code)
            return None

    async def _put(self, tts: Upstream, voice: VoiceProfile, wav: bytes, words: str) -> VoicePut:
        answer = await tts.call(
            "PUT",
            f"/v1/voices/{voice.id}",
            files={"file": ("reference.wav", wav, "audio/wav")},
            data={"reference_text": words},
        )
        return tts.read(VoicePut, answer)


async def _begin(tts: Upstream, request: SpeechRequest, name: str) -> httpx.Response:
    asked = request.model_copy(update={"voice": name}).model_dump(exclude_none=True)
    return await tts.open(tts.build("POST", _SPEECH, json=asked))
