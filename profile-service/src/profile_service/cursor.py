"""Opaque cursors of lists: where the last page ended, and of which list it was.

A cursor is base64url of ``check || moment || id``: 6 bytes of BLAKE2s over the rest and the list's
name, i64 microseconds, 16 bytes of UUID. A made-up one, or one of another search, fails its check.
"""

import base64
import binascii
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2s
from uuid import UUID

from avatar_contract.errors import BadMessage

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CHECK_BYTES = 6
_NOT_OURS = "This cursor is not one that we gave out for this list: begin again without a cursor."
_BODY = struct.Struct(">q16s")


@dataclass(frozen=True)
class Position:
    """The last item of a page: lists are ordered by time and then by id, newest first."""

    moment: datetime
    id: UUID


def encode(position: Position, listing: str) -> str:
    """The cursor after `position` in the list named `listing`."""
    micros = (position.moment - _EPOCH) // timedelta(microseconds=1)
    body = _BODY.pack(micros, position.id.bytes)
    return base64.urlsafe_b64encode(_check(body, listing) + body).decode().rstrip("=")


def decode(cursor: str, listing: str) -> Position:
    """The position that `cursor` stands for.

    Raises:
        BadMessage: it is made up, or belongs to another list.
    """
    try:
        raw = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        body = raw[_CHECK_BYTES:]
        micros, id_bytes = _BODY.unpack(body)
        made_up = raw[:_CHECK_BYTES] != _check(body, listing)
        position = Position(_EPOCH + timedelta(microseconds=micros), UUID(bytes=id_bytes))
    except (ValueError, UnicodeError, binascii.Error, struct.error, OverflowError) as error:
        raise BadMessage(_NOT_OURS) from error
    if made_up:
        raise BadMessage(_NOT_OURS)
    return position


def _check(body: bytes, listing: str) -> bytes:
    return blake2s(body + listing.encode(), digest_size=_CHECK_BYTES, person=b"cursor").digest()
