"""Use cases of voice profiles: keep a reference with its consent, change it, delete it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import numpy as np
from sqlalchemy.exc import IntegrityError

from avatar_contract.audio import wav_bytes
from avatar_contract.errors import BadMessage, Conflict, NotFound
from avatar_contract.records import (
    Consent,
    Quality,
    VoiceProfile,
    VoiceProfileChange,
    VoiceProfileItem,
    VoiceProfilePage,
)
from profile_service import cursor, voice_check
from profile_service.audiofile import TEXT, WAV, AudioFile, Sound
from profile_service.backends.store import PROFILES
from profile_service.cursor import Position
from profile_service.database import Database
from profile_service.decoding import Decoder
from profile_service.moments import in_utc
from profile_service.names import name_key, voice_name
from profile_service.repository import audio, voices
from profile_service.repository.conversations import Row
from profile_service.textsearch import storable
from profile_service.vault import Change, Vault
from profile_service.voice_check import Reference

MAX_TEXT_CHARS = 10_000

_NO_VOICE = "There is no such voice."
_NAME_TAKEN = "You have a voice of this name already: choose another name."


@dataclass(frozen=True)
class Upload:
    """A recording as it was sent, and what came with it."""

    file: bytes
    consent: Consent | None
    reference_text: str = ""


class Voices:
    """Voice profiles of all owners; every method is held to the one it is given."""

    def __init__(self, database: Database, vault: Vault, decoder: Decoder) -> None:
        self._database = database
        self._vault = vault
        self._decoder = decoder

    async def create(self, owner: str, name: str, upload: Upload) -> VoiceProfile:
        """Check a recording and keep it as a voice.

        Raises:
            BadMessage: the name can't be used, or the consent is missing.
            BadAudio, NoSpeech: the recording can't be used; the message says why.
            Conflict: the owner has a voice of that name.
            StorageFull: there is no room for it.
        """
        named = _names(name)
        consent = _consent(upload.consent)
        text = _text("reference_text", upload.reference_text)
        async with self._database.read() as connection:
            if await voices.name_taken(connection, owner, named["name_key"]):
                raise Conflict(_NAME_TAKEN)
        reference = await self._reference(upload.file)
        profile_id = uuid4()
        try:
            await self._keep(owner, profile_id, named | consent, reference, text)
        except IntegrityError as error:
            raise Conflict(_NAME_TAKEN) from error
        return await self.get(owner, profile_id)

    async def get(self, owner: str, profile_id: UUID) -> VoiceProfile:
        """Raises NotFound."""
        return _view(await self._row(owner, profile_id))

    async def page(self, owner: str, limit: int, after: str | None) -> VoiceProfilePage:
        """Newest first. Raises BadMessage for a cursor that is not of this list."""
        listing = f"voices\n{owner}"
        position = cursor.decode(after, listing) if after else None
        async with self._database.read() as connection:
            rows = await voices.page(connection, owner, position, limit + 1)
        more, rows = len(rows) > limit, rows[:limit]
        last = Position(rows[-1]["created_at"], rows[-1]["id"]) if more else None
        return VoiceProfilePage(
            items=[_item(row) for row in rows],
            next_cursor=cursor.encode(last, listing) if last else None,
        )

    async def audio(self, owner: str, profile_id: UUID) -> AudioFile:
        """The reference recording. Raises NotFound."""
        row = await self._row(owner, profile_id)
        async with self._database.read() as connection:
            file = await audio.find(connection, row["audio_key"])
        if file is None:
            raise NotFound(_NO_VOICE)
        return file

    async def change(
        self,
        owner: str,
        profile_id: UUID,
        wanted: VoiceProfileChange,
        upload: Upload | None = None,
    ) -> VoiceProfile:
        """Rename, make default, correct the text, set the embedding, or replace the recording.

        A new recording needs a consent of its own, and loses the embedding of the old one.

        Raises:
            As `create`; NotFound.
        """
        values: dict[str, Any] = {} if wanted.name is None else _names(wanted.name)
        if wanted.embedding is not None:
            values["embedding"] = _embedding(wanted.embedding)
        await self._row(owner, profile_id)
        reference = None
        if upload is not None:
            values |= _consent(upload.consent)
            reference = await self._reference(upload.file)
        try:
            async with self._vault.change() as change:
                await self._change(owner, profile_id, wanted, values, reference, change)
        except IntegrityError as error:
            raise Conflict(_NAME_TAKEN) from error
        return await self.get(owner, profile_id)

    async def delete(self, owner: str, profile_id: UUID) -> None:
        """Delete the row and the files, at once. Raises NotFound."""
        await self._vault.finding_room(lambda: self._delete(owner, profile_id), deletes=True)

    async def _delete(self, owner: str, profile_id: UUID) -> None:
        async with self._vault.change() as change, self._database.write() as connection:
            row = await voices.find(connection, owner, profile_id, hold=True)
            if row is None:
                raise NotFound(_NO_VOICE)
            await voices.delete(connection, profile_id)
            keys = [row["audio_key"], row["text_key"]]
            change.drop(await audio.drop(connection, keys, datetime.now(UTC)))

    async def _row(self, owner: str, profile_id: UUID) -> Row:
        async with self._database.read() as connection:
            row = await voices.find(connection, owner, profile_id)
        if row is None:
            raise NotFound(_NO_VOICE)
        return row

    async def _reference(self, upload: bytes) -> Reference:
        recording = await self._decoder.decode(upload)
        return await asyncio.to_thread(voice_check.check, recording)

    async def _keep(
        self,
        owner: str,
        profile_id: UUID,
        values: dict[str, Any],
        reference: Reference,
        text: str,
    ) -> None:
        now = datetime.now(UTC)
        values |= {"id": profile_id, "owner": owner, "is_default": False}
        values |= {"created_at": now, "updated_at": now}
        async with self._vault.change() as change:
            files = await _stage(change, profile_id, reference, text)
            async with self._database.write() as connection:
                for file in files.values():
                    await audio.add(connection, owner, file, now)
                values |= _reference_columns(reference, files, text)
                await voices.insert(connection, values)

    async def _change(
        self,
        owner: str,
        profile_id: UUID,
        wanted: VoiceProfileChange,
        values: dict[str, Any],
        reference: Reference | None,
        change: Change,
    ) -> None:
        row = await self._row(owner, profile_id)
        text = row["reference_text"]
        if wanted.reference_text is not None:
            text = _text("reference_text", wanted.reference_text)
        stale: list[str | None] = []
        files: dict[str, AudioFile] = {}
        if reference is not None or text != row["reference_text"]:
            files = await _stage(change, profile_id, reference, text)
            stale = [row["text_key"], *([row["audio_key"]] if reference is not None else [])]
            values = _replaced(row, reference, files, text) | values
        now = datetime.now(UTC)
        async with self._database.write() as connection:
            held = await voices.find(connection, owner, profile_id, hold=True)
            if held is None:
                raise NotFound(_NO_VOICE)
            if (held["audio_key"], held["text_key"]) != (row["audio_key"], row["text_key"]):
                raise Conflict("This voice was changed meanwhile: look at it and try again.")
            for file in files.values():
                await audio.add(connection, owner, file, now)
            if wanted.is_default is not None:
                await voices.clear_default(connection, owner) if wanted.is_default else None
                values["is_default"] = wanted.is_default
            await voices.update(connection, profile_id, values | {"updated_at": now})
            change.drop(await audio.drop(connection, stale, now))


async def _stage(
    change: Change, profile_id: UUID, reference: Reference | None, text: str
) -> dict[str, AudioFile]:
    """Stage the recording, where it is new, and the text beside it, where there is one."""
    files = {}
    if reference is not None:
        wav = wav_bytes(reference.samples.astype("<i2").tobytes(), reference.rate)
        sound = Sound(wav, WAV, reference.seconds * 1000)
        files["audio_key"] = await change.add(PROFILES, profile_id, sound)
    if text:
        beside = Sound(text.encode(), TEXT, 0.0)
        files["text_key"] = await change.add(PROFILES, profile_id, beside)
    return files


def _reference_columns(
    reference: Reference, files: Mapping[str, AudioFile], text: str
) -> dict[str, Any]:
    return {
        "audio_key": files["audio_key"].key,
        "text_key": files["text_key"].key if "text_key" in files else None,
        "reference_text": text,
        "embedding": None,
        "duration": reference.seconds,
        "quality": reference.quality.model_dump(),
        "peaks": reference.peaks,
        "etag": _etag(files["audio_key"].key, text),
    }


def _replaced(
    row: Row, reference: Reference | None, files: Mapping[str, AudioFile], text: str
) -> dict[str, Any]:
    if reference is not None:
        return _reference_columns(reference, files, text)
    return {
        "text_key": files["text_key"].key if "text_key" in files else None,
        "reference_text": text,
        "etag": _etag(row["audio_key"], text),
    }


def _etag(audio_key: str, text: str) -> str:
    """Names a recording with its text: keys are never used twice."""
    return sha256(f"{audio_key}\n{text}".encode()).hexdigest()[:16]


def _names(name: str) -> dict[str, Any]:
    clean = voice_name(name)
    return {"name": clean, "name_key": name_key(clean)}


def _text(field: str, text: str) -> str:
    clean = storable(text).strip()
    if len(clean) > MAX_TEXT_CHARS:
        raise BadMessage(f"{field} may have {MAX_TEXT_CHARS} characters.")
    return clean


def _consent(consent: Consent | None) -> dict[str, Any]:
    if consent is None:
        raise BadMessage("Without the recorded consent of the speaker no voice is stored.")
    by, text = _text("consent.by", consent.by), _text("consent.text", consent.text)
    if not by or not text:
        raise BadMessage("The consent must say who agreed, and to which text.")
    return {"consent_by": by, "consent_at": in_utc(consent.at), "consent_text": text}


def _embedding(values: list[float]) -> bytes:
    vector = np.asarray(values, dtype="<f4")
    if not np.isfinite(vector).all():
        raise BadMessage("An embedding has finite numbers only.")
    return vector.tobytes()


def _item(row: Row) -> VoiceProfileItem:
    return VoiceProfileItem(
        id=row["id"],
        name=row["name"],
        duration=row["duration"],
        quality=Quality.model_validate(row["quality"]),
        is_default=row["is_default"],
        created_at=row["created_at"],
    )


def _view(row: Row) -> VoiceProfile:
    return VoiceProfile(
        **dict(_item(row)),
        profile_id=row["id"],
        reference_text=row["reference_text"],
        consent=Consent(by=row["consent_by"], at=row["consent_at"], text=row["consent_text"]),
        peaks=row["peaks"],
        etag=row["etag"],
        has_embedding=row["embedding"] is not None,
    )
