"""Use cases of conversations: list, search, read, title, delete."""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from avatar_contract.errors import NotFound
from avatar_contract.records import (
    ConversationItem,
    ConversationPage,
    ConversationView,
    Hit,
    Side,
)
from profile_service import cursor, textsearch
from profile_service.audiofile import AudioFile
from profile_service.cursor import Position
from profile_service.database import Database
from profile_service.names import edited_title
from profile_service.repository import audio, conversations, search
from profile_service.repository.conversations import Row, Summary
from profile_service.turn_row import SIDES
from profile_service.turn_view import answer_text, said, shown, view
from profile_service.turns import drop_turns
from profile_service.vault import Vault

_NO_CONVERSATION = "There is no such conversation."


class Conversations:
    """Conversations of all owners; every method is held to the one it is given."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    async def page(
        self, owner: str, limit: int, after: str | None, text: str | None
    ) -> ConversationPage:
        """Conversations, the newest first; with `text`, those in which it was said.

        Raises:
            BadMessage: the cursor is not one of this list.
        """
        query = textsearch.parse(text or "")
        listing = f"conversations\n{owner}\n{query.text if query else ''}"
        position = cursor.decode(after, listing) if after else None
        async with self._database.read() as connection:
            statement = (
                search.matching(connection, owner, query, position, limit + 1)
                if query
                else conversations.listed(owner, position, limit + 1)
            )
            found = await conversations.summaries(connection, statement)
            more, found = len(found) > limit, found[:limit]
            hits = await _hits(connection, owner, found, query) if query else {}
        last = Position(found[-1].created_at, found[-1].session_id) if more else None
        return ConversationPage(
            items=[_item(summary, hits.get(summary.session_id)) for summary in found],
            next_cursor=cursor.encode(last, listing) if last else None,
        )

    async def get(self, owner: str, session_id: UUID) -> ConversationView:
        """One conversation with all turns of which there is something to show. Raises NotFound."""
        async with self._database.read() as connection:
            row = await conversations.find(connection, owner, session_id)
            if row is None:
                raise NotFound(_NO_CONVERSATION)
            rows = await conversations.turns_of(connection, owner, session_id)
        turns = [turn for turn in rows if shown(turn)]
        lengths = [turn[length] or 0.0 for turn in turns for _, _, length in SIDES.values()]
        return ConversationView(
            id=session_id,
            title=row["title"],
            created_at=row["created_at"],
            duration_ms=sum(lengths),
            turns=[view(turn) for turn in turns],
        )

    async def audio(self, owner: str, session_id: UUID) -> list[tuple[int, Side, AudioFile]]:
        """All audio that is kept: turn number, side and file, in order. Raises NotFound."""
        async with self._database.read() as connection:
            if await conversations.find(connection, owner, session_id) is None:
                raise NotFound(_NO_CONVERSATION)
            turns = await conversations.turns_of(connection, owner, session_id)
            kept = [
                (turn["turn_number"], side, await audio.find(connection, turn[key]))
                for turn in turns
                for side, (_, key, _) in SIDES.items()
                if turn[key]
            ]
        return [(number, side, file) for number, side, file in kept if file is not None]

    async def rename(self, owner: str, session_id: UUID, title: str) -> ConversationView:
        """Give it a title, which is found in searches too. Raises BadMessage, NotFound."""
        clean = edited_title(title)
        async with self._database.write() as connection:
            if await conversations.hold(connection, owner, session_id) is None:
                raise NotFound(_NO_CONVERSATION)
            changed = {"title": clean, "title_edited": True, "updated_at": datetime.now(UTC)}
            await conversations.update(connection, session_id, changed)
            await search.put(connection, owner, session_id, None, textsearch.indexed(clean))
        return await self.get(owner, session_id)

    async def delete(self, owner: str, session_id: UUID) -> None:
        """Delete it with its turns, their files and its session. Raises NotFound."""
        await self._vault.finding_room(lambda: self._delete(owner, session_id), deletes=True)

    async def _delete(self, owner: str, session_id: UUID) -> None:
        async with self._vault.change() as change, self._database.write(patient=1) as connection:
            if await conversations.hold(connection, owner, session_id) is None:
                raise NotFound(_NO_CONVERSATION)
            rows = list(await conversations.turns_of(connection, owner, session_id))
            await drop_turns(connection, owner, rows, change)
            await conversations.delete(connection, session_id)


def _item(summary: Summary, hit: Hit | None) -> ConversationItem:
    return ConversationItem(
        id=summary.session_id,
        title=summary.title,
        turns=summary.turns,
        duration_ms=summary.duration_ms,
        created_at=summary.created_at,
        hit=hit,
    )


async def _hits(
    connection: AsyncConnection, owner: str, found: list[Summary], query: textsearch.Query
) -> dict[UUID, Hit]:
    """Of each conversation the first turn that hits, else its title."""
    first = await search.first_hits(connection, [summary.session_id for summary in found], query)
    turn_ids = [turn_id for turn_id in first.values() if turn_id is not None]
    rows = {row["turn_id"]: row for row in await conversations.turns_by_id(connection, turn_ids)}
    titles = {summary.session_id: summary.title for summary in found}
    return {
        session_id: _title_hit(titles[session_id], query)
        if turn_id is None
        else _turn_hit(rows[turn_id], query)
        for session_id, turn_id in first.items()
    }


def _title_hit(title: str, query: textsearch.Query) -> Hit:
    mark = textsearch.mark(title, query)
    if mark is None:
        return Hit(match=title)
    return Hit(before=mark.before, match=mark.match, after=mark.after)


def _turn_hit(row: Row, query: textsearch.Query) -> Hit:
    sides: list[tuple[Side, str]] = [("user", said(row)), ("ai", answer_text(row))]
    for side, text in sides:
        mark = textsearch.mark(text, query)
        if mark is not None:
            return Hit(
                turn_id=row["turn_id"],
                side=side,
                before=mark.before,
                match=mark.match,
                after=mark.after,
            )
    # An entry of the search that has not been folded anew yet may hit without a place.
    return Hit(turn_id=row["turn_id"], side="user", match=query.text)
