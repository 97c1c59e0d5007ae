"""Voices at the engines: which engine holds which, and how one gets a voice it lacks.

::

    a clause ──▶ speak with id@etag ─┬─ sound
                                     └─ VOICE_NOT_LOADED ─▶ put reference and words ─▶ speak again
    upload ────▶ stt  its words, when none were given
           ────▶ every voice engine: put; answers an embedding where it can
           ────▶ profile-service: words and embedding
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple, Protocol
from uuid import UUID

import httpx

from avatar_contract.audio import HOUSE_RATE, wav_bytes
from avatar_contract.errors import AvatarError, NoSpeech, RequestError, VoiceNotLoaded
from avatar_contract.records import VoiceProfile, VoiceProfileChange
from avatar_contract.service import get_logger
from avatar_contract.speech import SpeechRequest, SpokenNotice, VoicePut
from avatar_contract.terms import NoticeCode, TtsMode
from avatar_contract.transcription import TranscriptionJson
from gateway.services.caller import UPLOAD, Caller, Patience
from gateway.session.ports import ClauseRequest, OwnVoice

log = get_logger(__name__)

FELL_BACK = SpokenNotice(
    code=NoticeCode.VOICE_FELL_BACK,
    message="The chosen voice can't be had; the engine's own voice speaks.",
)


class VoiceRefusedError(Exception):
    """A voice that an engine was to speak with can't be had there; `cause` says why."""

    def __init__(self, cause: AvatarError) -> None:
        super().__init__(cause.message)
        self.cause = cause


class Reference(NamedTuple):
    """A recording as an engine needs it."""

    wav: bytes
    text: str


class VoiceBook(Protocol):
    """Where voice profiles come from."""

    async def etag(self, profile_id: UUID | None) -> tuple[UUID, str] | None:
        """The id and etag of a profile, or of the default one; None where there is none."""

    async def reference(self, profile_id: UUID) -> Reference:
        """The recording of a profile. Raises NotFound or ProfileUnavailable."""

    async def change(self, profile_id: UUID, change: VoiceProfileChange) -> VoiceProfile:
        """Writes what was learnt of a voice. Raises NotFound or ProfileUnavailable."""


class Chosen(NamedTuple):
    """The voice of a clause."""

    voice_id: UUID
    etag: str
    own: OwnVoice | None = None
    """The person's own recording, when that is what speaks."""


class _Held(NamedTuple):
    """A voice, as an engine's address and a profile's etag name it."""

    engine: str
    voice_id: UUID
    etag: str


class Voices:
    """The one table of which engine holds which voice; engines keep voices in memory only."""

    def __init__(self, book: VoiceBook, engines: Mapping[TtsMode, Caller], stt: Caller) -> None:
        self._book = book
        self._engines = engines
        self._stt = stt
        self._held: dict[_Held, str] = {}
        """The etag that the engine gave it: engines may hash what they like."""
        self._putting: defaultdict[_Held, asyncio.Lock] = defaultdict(asyncio.Lock)

    @property
    def engines(self) -> list[Caller]:
        """Each engine once, also where both modes are one process."""
        return list({engine.address.url: engine for engine in self._engines.values()}.values())

    async def choose(self, request: ClauseRequest) -> tuple[Chosen | None, SpokenNotice | None]:
        """The profile's voice, else the person's own, else the engine's (None).

        A voice that is gone must not silence the assistant: then a notice says so.
        """
        try:
            found = await self._book.etag(request.voice_profile_id)
        except AvatarError as error:
            log.warning("speech.voice_fell_back", code=error.code)
            return None, FELL_BACK if request.voice_profile_id else None
        if found is not None:
            return Chosen(*found), None
        own = request.own_voice
        return (Chosen(own.voice_id, own.etag, own) if own else None), None

    async def default(self) -> Chosen | None:
        """The default profile's voice; None, the engine's own, where it can't be had."""
        try:
            found = await self._book.etag(None)
        except AvatarError as error:
            log.warning("speech.voice_fell_back", code=error.code)
            return None
        return Chosen(*found) if found else None

    async def check(self, profile_id: UUID | None) -> None:
        """Looks a profile up, or the default one. Raises NotFound or ProfileUnavailable."""
        await self._book.etag(profile_id)

    async def begin(
        self, speech: SpeechRequest, chosen: Chosen | None, patience: Patience
    ) -> httpx.Response:
        """Asks the engine of the mode to speak; it is given the voice first where it lacks it.

        Raises:
            VoiceRefusedError: the engine can't take this voice.
            AvatarError: the engine's or profile-service's own.
        """
        engine = self._engines[speech.mode]
        if chosen is None:
            return await _ask(engine, speech, None, patience)
        held = _Held(engine.address.url, chosen.voice_id, chosen.etag)
        name = self._name(held)
        try:
            return await _ask(engine, speech, name, patience)
        except VoiceNotLoaded:
            async with self._putting[held]:
                # Another clause may have put it while this one waited.
                if self._name(held) == name:
                    await self._load(engine, held, chosen)
            return await _ask(engine, speech, self._name(held), patience)

    async def complete(self, voice: VoiceProfile) -> VoiceProfile:
        """Adds the words and the embedding of a profile that was just stored.

        Only storing had to succeed: words and embedding can be added later.
        """
        reference = await self._book.reference(voice.id)
        words = voice.reference_text or await self._words(reference.wav)
        embedding: list[float] | None = None
        for engine in self.engines:
            held = _Held(engine.address.url, voice.id, voice.etag)
            put = await self._try_put(engine, held, Reference(reference.wav, words))
            embedding = embedding or (put.embedding if put else None)
        change = VoiceProfileChange(
            reference_text=words if words != voice.reference_text else None, embedding=embedding
        )
        if not change.model_dump(exclude_none=True):
            return voice
        return await self._book.change(voice.id, change)

    async def forget(self, voice_id: UUID) -> None:
        """Takes a voice back from every engine that was given it; one that is away held it in
        memory only, and has forgotten it when it is back."""
        given = {held.engine for held in self._held if held.voice_id == voice_id}
        self._held = {k: etag for k, etag in self._held.items() if k.voice_id != voice_id}
        for engine in self.engines:
            if engine.address.url not in given:
                continue
            try:
                await engine.call("DELETE", f"/v1/voices/{voice_id}", again=True)
            except AvatarError as error:
                log.warning("voice.forget_failed", service=engine.address.name, code=error.code)

    def _name(self, held: _Held) -> str:
        return f"{held.voice_id}@{self._held.get(held, held.etag)}"

    async def _load(self, engine: Caller, held: _Held, chosen: Chosen) -> None:
        try:
            await self._put(engine, held, await self._reference(chosen))
        except RequestError as error:
            # Deleted since it was looked up, or not good enough for this engine: silent, too long,
            # without the words that a cloning engine needs.
            raise VoiceRefusedError(error) from error

    async def _reference(self, chosen: Chosen) -> Reference:
        if chosen.own is not None:
            return Reference(wav_bytes(chosen.own.pcm, HOUSE_RATE), chosen.own.text)
        return await self._book.reference(chosen.voice_id)

    async def _put(self, engine: Caller, held: _Held, reference: Reference) -> VoicePut:
        answer = await engine.call(
            "PUT",
            f"/v1/voices/{held.voice_id}",
            patience=UPLOAD,
            again=True,
            files={"file": ("reference.wav", reference.wav, "audio/wav")},
            data={"reference_text": reference.text},
        )
        put = engine.read(VoicePut, answer)
        self._held[held] = put.etag
        return put

    async def _try_put(self, engine: Caller, held: _Held, reference: Reference) -> VoicePut | None:
        try:
            return await self._put(engine, held, reference)
        except AvatarError as error:
            log.warning("voice.put_failed", service=engine.address.name, code=error.code)
            return None

    async def _words(self, wav: bytes) -> str:
        """What stt hears in a reference; "" when it can't: the owner may write it."""
        try:
            answer = await self._stt.call(
                "POST",
                "/v1/audio/transcriptions",
                files={"file": ("reference.wav", wav, "audio/wav")},
                data={"response_format": "json"},
            )
            return self._stt.read(TranscriptionJson, answer).text.strip()
        except NoSpeech:
            return ""
        except AvatarError as error:
            log.warning("voice.words_failed", code=error.code)
            return ""


async def _ask(
    engine: Caller, speech: SpeechRequest, name: str | None, patience: Patience
) -> httpx.Response:
    asked = speech.model_copy(update={"voice": name}).model_dump(exclude_none=True)
    return await engine.open(
        engine.build("POST", "/v1/audio/speech", patience=patience, json=asked)
    )
