"""Use cases of one turn: write it, read it, hear it, delete it."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from avatar_contract.errors import (
    BadMessage,
    Conflict,
    NotFound,
    ProfileUnavailable,
    StorageFull,
)
from avatar_contract.records import Side, TurnRecord, TurnView
from avatar_contract.service.logs import get_logger
from profile_service import sessions
from profile_service.audiofile import AudioFile, Sound
from profile_service.database import Database
from profile_service.encoder import Encoder
from profile_service.moments import in_utc
from profile_service.names import first_words
from profile_service.repository import audio, conversations, search
from profile_service.repository.conversations import Row
from profile_service.turn_row import (
    SIDES,
    columns,
    is_elsewhere,
    lacking,
    said_in,
    stale_audio,
    writing_of,
)
from profile_service.turn_rules import LEFT, Verdict, judge, judge_elsewhere
from profile_service.turn_view import as_written, said, searchable, view
from profile_service.vault import Change, Vault

log = get_logger(__name__)

_MOST = 1_000_000_000
"""Turns of a conversation and revisions of a turn; a database's integer ends at twice that."""

_NO_TURN = "There is no such turn."

_TRIES = 20
"""Each one that fails means that another writer has got on: more than will write one utterance at
once. A closed turn ends it."""


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

        An owner's utterance is one turn, also where it was said in two conversations: the answer
        may be a turn with another id, and then nothing of the record was written (`turn_rules`).

        Words before sound: a sound that there is no room for is left out, and added when the same
        record brings it again.

        Raises:
            BadMessage: `turn_id` is not the record's.
            BadAudio: a sound is no 16-bit PCM wav.
            NotFound: the conversation is another owner's, or the turn was deleted.
            Conflict: the turn's id belongs to another utterance, or a newer gateway has the turn.
            StorageFull: there is no room even for the words; nothing was written.
        """
        if record.turn_id != turn_id:
            raise BadMessage("The turn_id of the address is not that of the record.")
        if max(record.turn_number, record.revision, record.epoch) > _MOST:
            raise BadMessage(f"turn_number, revision and epoch may be at most {_MOST}.")
        given = _given(record, wavs)
        if given:
            # Looked at beforehand only to save the encoding.
            async with self._database.read() as connection:
                kept = await conversations.turn_of_utterance(connection, owner, record.utterance_id)
            if kept is not None and _verdict(kept, record) == "keep":
                given = {side: given[side] for side in lacking(kept, record) & given.keys()}
                if not given:
                    return view(kept)
        return await self._keep_what_fits(owner, record, await self._encode(given))

    async def get(self, owner: str, turn_id: UUID) -> TurnView:
        """Raises NotFound."""
        return view(await self._row(owner, turn_id))

    async def of_utterance(self, owner: str, utterance_id: UUID) -> TurnView:
        """The turn of an utterance. Raises NotFound."""
        async with self._database.read() as connection:
            row = await conversations.turn_of_utterance(connection, owner, utterance_id)
        if row is None:
            raise NotFound("There is no turn of this utterance.")
        return as_written(row)

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
        await self._vault.finding_room(lambda: self._delete(owner, row), deletes=True)

    async def _delete(self, owner: str, row: Row) -> None:
        async with self._vault.change() as change, self._database.write() as connection:
            # Always the conversation before the turn: two writers can't wait for each other.
            await conversations.hold(connection, owner, row["session_id"])
            held = await conversations.turn(connection, owner, row["turn_id"])
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

    async def _encode(self, wavs: Mapping[Side, bytes]) -> dict[Side, Sound]:
        encoded = {side: await self._encoder.opus(wav) for side, wav in wavs.items()}
        return {side: sound for side, sound in encoded.items() if sound is not None}

    async def _keep_what_fits(
        self, owner: str, record: TurnRecord, sounds: dict[Side, Sound]
    ) -> TurnView:
        if sounds:
            with suppress(StorageFull):
                return await self._keep(owner, record, sounds)
        return await self._vault.finding_room(lambda: self._keep(owner, record, {}))

    async def _keep(self, owner: str, record: TurnRecord, sounds: Mapping[Side, Sound]) -> TurnView:
        taken: Exception | None = None
        for _ in range(_TRIES):
            try:
                return await self._keep_once(owner, record, sounds)
            except (IntegrityError, _Overtaken) as error:
                # On Postgres another may write the same utterance in another conversation at this
                # moment: it is found the next time.
                taken = error
        if isinstance(taken, _Overtaken):
            raise ProfileUnavailable("This utterance is being written by others.") from taken
        raise Conflict("This turn_id belongs to another utterance.") from taken

    async def _keep_once(
        self, owner: str, record: TurnRecord, sounds: Mapping[Side, Sound]
    ) -> TurnView:
        async with self._vault.change() as change:
            files = await _stage(change, record.turn_id, sounds)
            async with self._database.write() as connection:
                return await self._write(connection, owner, record, files, change)

    async def _write(
        self,
        connection: AsyncConnection,
        owner: str,
        record: TurnRecord,
        files: Mapping[Side, AudioFile],
        change: Change,
    ) -> TurnView:
        kept = await _held(connection, owner, record)
        if kept is None:
            row = await _insert(connection, owner, record, files)
        elif _verdict(kept, record) == "replace":
            replace = _move if is_elsewhere(kept, record) else _replace
            row = await replace(connection, owner, kept, record, files, change)
        else:
            added = {side: files[side] for side in lacking(kept, record) & files.keys()}
            row = await _add_sound(connection, owner, kept, added) if added else kept
        if row["session_id"] == record.session_id or await conversations.find(
            connection, owner, record.session_id
        ):
            await sessions.remember(connection, owner, record)
        return view(row)


class _Overtaken(Exception):
    """Another has just written this utterance, in another conversation."""


async def _held(connection: AsyncConnection, owner: str, record: TurnRecord) -> Row | None:
    """The turn of the record's utterance, its conversation held; None where it is new.

    Where the record takes the turn to its own conversation, that one is held too.
    """
    kept = await conversations.turn_of_utterance(connection, owner, record.utterance_id)
    held = _to_hold(kept, record)
    # In one order: two writers can't wait for each other.
    for session_id in sorted(held):
        await _hold(connection, owner, session_id, record)
    if connection.dialect.name == "postgresql":
        kept = await conversations.turn_of_utterance(connection, owner, record.utterance_id)
        # One conversation too many may have been made for it.
        if _to_hold(kept, record) != held:
            raise _Overtaken
    if kept is None and await conversations.was_deleted(
        connection, owner, record.turn_id, record.utterance_id
    ):
        raise NotFound("This turn was deleted.")
    return kept


def _to_hold(kept: Row | None, record: TurnRecord) -> set[UUID]:
    """The conversations that change with the record."""
    if kept is None:
        return {record.session_id}
    moves = is_elsewhere(kept, record) and _verdict(kept, record) == "replace"
    return {kept["session_id"], record.session_id} if moves else {kept["session_id"]}


async def _hold(
    connection: AsyncConnection, owner: str, session_id: UUID, record: TurnRecord
) -> None:
    if session_id == record.session_id:
        held = await conversations.lock(connection, owner, session_id, in_utc(record.created_at))
    else:
        held = await conversations.hold(connection, owner, session_id)
        if held is None:
            # Its conversation was deleted in this moment.
            raise _Overtaken
    if held is None:
        raise NotFound("There is no such conversation.")


async def _stage(
    change: Change, turn_id: UUID, sounds: Mapping[Side, Sound]
) -> dict[Side, AudioFile]:
    """Stage the sounds that there is room for."""
    files: dict[Side, AudioFile] = {}
    for side, sound in sounds.items():
        try:
            files[side] = await change.add(SIDES[side][0], turn_id, sound)
        except StorageFull as error:
            log.warning("turn.sound_left_out", turn_id=str(turn_id), side=side, exc=error)
    return files


async def _insert(
    connection: AsyncConnection,
    owner: str,
    record: TurnRecord,
    files: Mapping[Side, AudioFile],
) -> Row:
    now = datetime.now(UTC)
    values = columns(record) | await _added(connection, owner, files, now)
    values |= {"turn_id": record.turn_id, "owner": owner, "session_id": record.session_id}
    values["turn_number"] = await conversations.free_number(
        connection, record.session_id, record.turn_number
    )
    row = await conversations.insert_turn(connection, values)
    await _retell(connection, None, row)
    return row


async def _replace(
    connection: AsyncConnection,
    owner: str,
    kept: Row,
    record: TurnRecord,
    files: Mapping[Side, AudioFile],
    change: Change,
) -> Row:
    now = datetime.now(UTC)
    stale = stale_audio(kept, record, files)
    values = {column: None for side in stale for column in SIDES[side][1:]}
    values |= columns(record) | await _added(connection, owner, files, now)
    row = await conversations.update_turn(connection, kept["turn_id"], values)
    change.drop(await audio.drop(connection, stale.values(), now))
    await _retell(connection, kept, row)
    return row


async def _move(
    connection: AsyncConnection,
    owner: str,
    kept: Row,
    record: TurnRecord,
    files: Mapping[Side, AudioFile],
    change: Change,
) -> Row:
    """The record's turn in the place of the one that its utterance was in another conversation."""
    await drop_turns(connection, owner, [kept], change)
    row = await _insert(connection, owner, record, files)
    await _after_deletion(connection, kept["session_id"])
    return row


async def _add_sound(
    connection: AsyncConnection, owner: str, kept: Row, files: Mapping[Side, AudioFile]
) -> Row:
    values = await _added(connection, owner, files, datetime.now(UTC))
    return await conversations.update_turn(connection, kept["turn_id"], values)


async def _added(
    connection: AsyncConnection, owner: str, files: Mapping[Side, AudioFile], now: datetime
) -> dict[str, Any]:
    """Add the files' rows; gives the columns of their turn."""
    values: dict[str, Any] = {"updated_at": now}
    for side, file in files.items():
        await audio.add(connection, owner, file, now)
        values |= {SIDES[side][1]: file.key, SIDES[side][2]: file.duration_ms}
    return values


async def drop_turns(
    connection: AsyncConnection, owner: str, rows: list[Row], change: Change
) -> None:
    """Delete turns and forget their files."""
    now = datetime.now(UTC)
    keys = [row[SIDES[side][1]] for row in rows for side in SIDES]
    await conversations.delete_turns(connection, owner, rows, now)
    change.drop(await audio.drop(connection, keys, now))


async def give_up(connection: AsyncConnection, row: Row, before: datetime) -> None:
    """Close an open turn that was not written since `before`: what was heard is what it was."""
    await conversations.hold(connection, row["owner"], row["session_id"])
    held = await conversations.turn(connection, row["owner"], row["turn_id"])
    if held is None or held["state"] != "open" or held["updated_at"] >= before:
        return
    values = {"state": LEFT, "interrupted": True, "updated_at": datetime.now(UTC)}
    given_up = await conversations.update_turn(connection, row["turn_id"], values)
    await _retell(connection, held, given_up)


async def _after_deletion(connection: AsyncConnection, session_id: UUID) -> None:
    if await conversations.count_turns(connection, session_id):
        await _retitle(connection, session_id)
    else:
        await conversations.delete(connection, session_id)


async def _retell(connection: AsyncConnection, before: Row | None, row: Row) -> None:
    """Bring the search and the title up to date with a turn, where its words have changed.

    A turn is written several times until it is closed: what did not change costs nothing.
    """
    text = searchable(row)
    if text != (("", "") if before is None else searchable(before)):
        session_id, turn_id = row["session_id"], row["turn_id"]
        await search.put(connection, row["owner"], session_id, turn_id, text, new=before is None)
    if said(row) != ("" if before is None else said(before)):
        await _retitle(connection, row["session_id"])


async def _retitle(connection: AsyncConnection, session_id: UUID) -> None:
    title = first_words(await conversations.first_text(connection, session_id))
    await conversations.retitle(connection, session_id, title, datetime.now(UTC))


def _given(record: TurnRecord, wavs: Wavs) -> dict[Side, bytes]:
    """The sounds that are to be kept."""
    if not record.store_audio:
        return {}
    sides: dict[Side, bytes | None] = {"user": None if record.typed else wavs.user, "ai": wavs.ai}
    return {side: wav for side, wav in sides.items() if wav}


def _verdict(kept: Row, record: TurnRecord) -> Verdict:
    """What becomes of the record where this turn of its utterance is kept. Raises Conflict."""
    if is_elsewhere(kept, record):
        later = in_utc(record.created_at) >= kept["created_at"]
        return judge_elsewhere(writing_of(kept), said_in(record), later=later)
    verdict = judge(writing_of(kept), said_in(record))
    if verdict == "refuse":
        raise Conflict("Another gateway has gone on with this turn: this record comes too late.")
    return verdict
