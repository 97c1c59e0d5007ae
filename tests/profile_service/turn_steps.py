"""What many tests do with turns: write them, change them, see them listed."""

from typing import Any
from uuid import UUID

import httpx

from avatar_contract.records import TurnRecord, TurnView
from profile_service.api.common import Parts
from profile_service.turns import Wavs


async def put(parts: Parts, record: TurnRecord, owner: str = "local", **wavs: bytes) -> TurnView:
    """Writes a turn with its sound: `user` and `ai`, each a wav."""
    return await parts.turns.put(owner, record.turn_id, record, Wavs(**wavs))


async def send(client: httpx.AsyncClient, record: TurnRecord, **wavs: bytes) -> httpx.Response:
    """The same over HTTP: `user_audio` and `ai_audio`."""
    return await client.put(
        f"/v1/turns/{record.turn_id}",
        data={"record": record.model_dump_json()},
        # A form without a file would not be multipart.
        files=wavs or {"x": b""},
    )


def but(record: TurnRecord, **changed: Any) -> TurnRecord:
    """`record` with some fields changed, unchecked."""
    return record.model_copy(update=changed)


async def listed(parts: Parts, text: str | None = None) -> list[tuple[UUID, str, int]]:
    """The conversations that are shown, as id, title and number of turns; or found by `text`."""
    page = await parts.conversations.page("local", 50, None, text)
    return [(item.id, item.title, item.turns) for item in page.items]
