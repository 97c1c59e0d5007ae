"""Use cases of sessions: a gateway takes one over by its resume token, or mints one more token."""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from avatar_contract.errors import Conflict, NotFound
from avatar_contract.records import ClaimedSession, SessionClaim, SessionToken, TurnRecord
from avatar_contract.service.logs import get_logger
from profile_service.database import Database
from profile_service.moments import in_utc
from profile_service.repository import conversations, sessions
from profile_service.turn_view import as_written, view

log = get_logger(__name__)

_TURNS = 200
"""So many turns, the newest, come with a session: a model's memory holds fewer."""

_NO_SESSION = "This session can't be resumed: its token is not known here, or has ended."


class Sessions:
    """Sessions of all owners; every method is held to the one it is given."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, owner: str, wanted: SessionClaim) -> ClaimedSession:
        """Give the session of a token to the gateway that asks, under an epoch of its own.

        Not idempotent: each claim raises the epoch, and the last one holds the session.

        Raises:
            NotFound: the token is unknown, has ended, or is another owner's.
        """
        now, expires_at = datetime.now(UTC), in_utc(wanted.expires_at)
        async with self._database.write() as connection:
            session_id = await sessions.of_token(connection, owner, wanted.token_hash, now)
            if session_id is None:
                raise NotFound(_NO_SESSION)
            # Always the conversation before what hangs on it: see Turns.delete.
            held = await conversations.hold(connection, owner, session_id)
            valid = await sessions.use_token(connection, owner, wanted.token_hash, now, expires_at)
            if held is None or not valid:
                raise NotFound(_NO_SESSION)
            claimed = await sessions.claim(connection, session_id, now)
            rows = await conversations.newest_turns(connection, owner, session_id, _TURNS)
        return ClaimedSession(
            session_id=session_id,
            epoch=claimed["epoch"],
            config=claimed["config"],
            # Only the newest can be gone on with.
            turns=[*(view(row) for row in rows[:-1]), *(as_written(row) for row in rows[-1:])],
            next_turn_number=rows[-1]["turn_number"] + 1 if rows else 1,
        )

    async def add_token(self, owner: str, session_id: UUID, token: SessionToken) -> None:
        """Keep one more token for a conversation. Again with the same token changes nothing.

        Raises:
            NotFound: the owner has no such conversation.
            Conflict: the token is another session's.
        """
        now = datetime.now(UTC)
        async with self._database.write() as connection:
            conversation = await conversations.hold(connection, owner, session_id)
            if conversation is None:
                raise NotFound("There is no such conversation.")
            # An old conversation has no session yet.
            values = {
                "owner": owner,
                "epoch": await sessions.newest_epoch(connection, session_id),
                "config": {},
                "said_at": conversation["created_at"],
                "updated_at": now,
            }
            await sessions.ensure(connection, session_id, values)
            kept = await sessions.keep_token(
                connection, owner, session_id, token.token_hash, in_utc(token.expires_at)
            )
            if not kept:
                raise Conflict("This token belongs to another session: make a new one.")


async def remember(connection: AsyncConnection, owner: str, record: TurnRecord) -> None:
    """Keep what a turn's record says of its session. The conversation must be there."""
    session, now = record.session, datetime.now(UTC)
    if session is None:
        return
    values = {
        "owner": owner,
        "epoch": record.epoch,
        "config": session.config,
        "said_at": in_utc(record.created_at),
        "updated_at": now,
    }
    await sessions.keep(connection, record.session_id, values)
    expires_at = in_utc(session.expires_at)
    if expires_at > now and not await sessions.keep_token(
        connection, owner, record.session_id, session.token_hash, expires_at
    ):
        log.warning("sessions.token_of_another", session_id=str(record.session_id))
