"""Use cases of one turn: write it, read it, hear it, delete it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from avatar_contract.errors import BadMessage, Conflict, NotFound
from avatar_contract.records import Side, TurnRecord, TurnView
from profile_service import textsearch
from profile_service.audiofile import AudioFile, Sound
from profile_service.backends.store import RAW, TTS
from profile_service.database import Database
from profile_service.moments import in_utc
from profile_service.names import first_words
from profile_service.repository import audio, conversations, search
from profile_service.repository.conversations import Row
from profile_service.turn_rules import keeps_audio, replaces
from profile_service.turn_view import searchable, view
from profile_service.vault import Change, Vault
from profile_service.workers import Encoder

SIDES: dict[Side, tuple[str, str, str]] = {
    "user": (RAW, "user_audio_key", "user_audio_ms"),
    "ai": (TTS, "ai_audio_key", "ai_audio_ms"),
}
"""Each side's kind of file, and the columns of a turn for its key and its length."""

_MOST = 1_000_000_000
"""Turns of a conversation and revisions of a turn; a database's integer ends at twice that."""

_NO_TURN = "There is no such turn."


@dataclass(frozen=True)
class Wavs:
    """Both sides of a turn as they come: 16-bit PCM wav, or nothing."""

    user: bytes | None = None
    ai: bytes | None = None


class Turns:
    """Turns of all owners; every method is held to the one it is given."""

    def __init__(self, database: Database, vault: Vault, encoder: Encoder) -> None:
        self._database = database
        self._vault = vault
        self._encoder = encoder

    async def put(self, owner: str, turn_id: UUID, record: TurnRecord, wavs: Wavs) -> TurnView:
        """Write a turn. The same utterance and revision again gives the turn that is kept.

        Raises:
            BadMessage: `turn_id` is not the record's.
            BadAudio: a sound is no 16-bit PCM wav.
            NotFound: the conversation is another owner's, or the turn was deleted.
            Conflict: the turn's id belongs to another utterance.
            StorageFull: there is no room for it; nothing was written.
        """
        if record.turn_id != turn_id:
            raise BadMessage("The turn_id of the address is not that of the record.")
        if max(record.turn_number, record.revision) > _MOST:
            raise BadMessage(f"turn_number and revision may be at most {_MOST}.")
        kept = await self._kept_before(owner, record)
        if kept is not None:
            return view(kept)
        sounds = await self._encode(record, wavs)
        try:
            async with self._vault.change() as change:
                files: dict[Side, AudioFile] = {
                    side: await change.add(SIDES[side][0], turn_id, sound)
                    for side, sound in sounds.items()
                }
                async with self._database.write() as connection:
                    return await self._write(connection, owner, record, files, change)
        except IntegrityError as error:
            raise Conflict("This turn_id belongs to another utterance.") from error

    async def get(self, owner: str, turn_id: UUID) -> TurnView:
        """Raises NotFound."""
        return view(await self._row(owner, turn_id))

    async def of_utterance(self, owner: str, utterance_id: UUID) -> TurnView:
        """The turn of an utterance. Raises NotFound."""
        async with self._database.read() as connection:
            row = await conversations.turn_of_utterance(connection, owner, utterance_id)
        if row is None:
            raise NotFound("There is no turn of this utterance.")
        return view(row)

    async def audio(self, owner: str, turn_id: UUID, side: Side) -> AudioFile:
        """What one side of the turn sounds like. Raises NotFound."""
        key = (await self._row(owner, turn_id))[SIDES[side][1]]
        async with self._database.read() as connection:
            file = await audio.find(connection, key) if key else None
        if file is None:
            raise NotFound("No audio of this side of the turn is kept.")
        return file

    async def delete(self, owner: str, turn_id: UUID) -> None:
        """Delete a turn and its files; with the last one its conversation goes. Raises NotFound."""
        row = await self._row(owner, turn_id)
        async with self._vault.change() as change, self._database.write() as connection:
            # Always the conversation before the turn: two writers can't wait for each other.
            await conversations.hold(connection, owner, row["session_id"])
            held = await conversations.turn(connection, owner, turn_id)
            if held is None:
                raise NotFound(_NO_TURN)
            await drop_turns(connection, owner, [held], change)
            await _after_deletion(connection, held["session_id"])

    async def _row(self, owner: str, turn_id: UUID) -> Row:
        async with self._database.read() as connection:
            row = await conversations.turn(connection, owner, turn_id)
        if row is None:
            raise NotFound(_NO_TURN)
        return row

    async def _kept_before(self, owner: str, record: TurnRecord) -> Row | None:
        """The turn that is kept, where the record would not replace it: saves the encoding."""
        async with self._database.read() as connection:
            row = await conversations.turn_of_utterance(
                connection, owner, record.utterance_id, record.session_id
            )
        return row if row is not None and not _replaces(row, record) else None

    async def _encode(self, record: TurnRecord, wavs: Wavs) -> dict[Side, Sound]:
        if not record.store_audio:
            return {}
        given: dict[Side, bytes | None] = {
            "user": None if record.typed else wavs.user,
            "ai": wavs.ai,
        }
        encoded = {side: await self._encoder.opus(wav) for side, wav in given.items() if wav}
        return {side: sound for side, sound in encoded.items() if sound is not None}

    async def _write(
        self,
        connection: AsyncConnection,
        owner: str,
        record: TurnRecord,
        files: Mapping[Side, AudioFile],
        change: Change,
    ) -> TurnView:
        now = datetime.now(UTC)
        await self._check_writable(connection, owner, record)
        kept = await conversations.turn_of_utterance(
            connection, owner, record.utterance_id, record.session_id
        )
        if kept is not None and not _replaces(kept, record):
            return view(kept)
        for file in files.values():
            await audio.add(connection, owner, file, now)
        values = _columns(record) | {"updated_at": now}
        for side, file in files.items():
            values |= {SIDES[side][1]: file.key, SIDES[side][2]: file.duration_ms}
        if kept is None:
            turn_id = record.turn_id
            values |= {"turn_id": turn_id, "owner": owner, "session_id": record.session_id}
            values["turn_number"] = await conversations.free_number(
                connection, record.session_id, record.turn_number
            )
            await conversations.insert_turn(connection, values)
        else:
            turn_id = kept["turn_id"]
            stale = _stale_audio(kept, record, files)
            await conversations.update_turn(connection, turn_id, values)
            change.drop(await audio.drop(connection, stale, now))
        row = await conversations.the_turn(connection, turn_id)
        await _retell(connection, row)
        return view(row)

    async def _check_writable(
        self, connection: AsyncConnection, owner: str, record: TurnRecord
    ) -> None:
        created_at = in_utc(record.created_at)
        held = await conversations.lock(connection, owner, record.session_id, created_at)
        if held is None:
            raise NotFound("There is no such conversation.")
        if await conversations.was_deleted(connection, record.turn_id):
            raise NotFound("This turn was deleted.")


async def drop_turns(
    connection: AsyncConnection, owner: str, rows: list[Row], change: Change
) -> None:
    """Delete turns and forget their files."""
    now = datetime.now(UTC)
    keys = [row[SIDES[side][1]] for row in rows for side in SIDES]
    await conversations.delete_turns(connection, owner, [row["turn_id"] for row in rows], now)
    change.drop(await audio.drop(connection, keys, now))


async def _after_deletion(connection: AsyncConnection, session_id: UUID) -> None:
    if await conversations.count_turns(connection, session_id):
        await _retitle(connection, session_id)
    else:
        await conversations.delete(connection, session_id)


async def _retell(connection: AsyncConnection, row: Row) -> None:
    """Bring the search and the conversation's title up to date with a turn."""
    text = searchable(row)
    await search.put(connection, row["owner"], row["session_id"], row["turn_id"], text)
    await _retitle(connection, row["session_id"])


async def _retitle(connection: AsyncConnection, session_id: UUID) -> None:
    title = first_words(await conversations.first_text(connection, session_id))
    await conversations.retitle(connection, session_id, title, datetime.now(UTC))


def _replaces(kept: Row, record: TurnRecord) -> bool:
    return replaces((kept["revision"], kept["state"]), (record.revision, record.state))


def _stale_audio(kept: Row, record: TurnRecord, files: Mapping[Side, AudioFile]) -> list[str]:
    return [
        kept[key]
        for side, (_, key, _) in SIDES.items()
        if kept[key]
        and (
            side in files
            or not keeps_audio(side, kept["revision"], record.revision, record.store_audio)
        )
    ]


def _columns(record: TurnRecord) -> dict[str, Any]:
    def text(value: str | None) -> str | None:
        return None if value is None else textsearch.storable(value)

    return {
        "utterance_id": record.utterance_id,
        "revision": record.revision,
        "state": record.state,
        "typed": record.typed,
        "recognised_text": text(record.recognised_text),
        "edited_text": text(record.edited_text),
        "ai_text": text(record.ai_text),
        "heard_text": text(record.heard_text),
        "interrupted": record.interrupted,
        "language": record.language and textsearch.storable(record.language)[:35],
        "mode": record.mode,
        "timings": {name: ms for name, ms in record.timings.items() if isfinite(ms)},
        "voice_profile_id": record.voice_profile_id,
        "error": record.error and textsearch.storable(record.error)[:40],
        "created_at": in_utc(record.created_at),
    }
