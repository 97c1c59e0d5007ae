"""Voices as the gateway looks them up: the default one, wherever in the list it is."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI

from avatar_contract.errors import ProfileUnavailable
from gateway.services.caller import Address, Caller
from gateway.services.profile import Profiles

ADDRESS = Address("profile", "profile-service", "http://profile", ProfileUnavailable)


def shelf(voices: int, default: int | None) -> FastAPI:
    """A list of one voice a page."""
    app = FastAPI()

    def voice(number: int) -> dict[str, Any]:
        return {
            "id": str(UUID(int=number)),
            "name": f"voice {number}",
            "duration": 8.0,
            "is_default": number == default,
            "created_at": datetime.now(UTC).isoformat(),
        }

    @app.get("/v1/voice-profiles")
    async def page(cursor: int = 0) -> dict[str, Any]:
        more = cursor + 1 < voices
        return {
            "items": [voice(cursor)] if voices else [],
            "next_cursor": str(cursor + 1) if more else None,
        }

    @app.get("/v1/voice-profiles/{profile_id}")
    async def one(profile_id: UUID) -> dict[str, Any]:
        number = profile_id.int
        return voice(number) | {"profile_id": str(profile_id), "etag": f"e{number}"}

    return app


@pytest.mark.parametrize(
    ("voices", "default", "found"),
    [(3, 2, (UUID(int=2), "e2")), (3, 0, (UUID(int=0), "e0")), (3, None, None), (0, None, None)],
)
async def test_the_default_voice_is_found(
    voices: int, default: int | None, found: tuple[UUID, str] | None
) -> None:
    transport = httpx.ASGITransport(shelf(voices, default))
    async with httpx.AsyncClient(transport=transport) as http:
        assert await Profiles(Caller(http, ADDRESS)).etag(None) == found


async def test_a_change_is_spoken_with_at_once_also_when_a_look_was_under_way() -> None:
    """The look began before the change, and its answer comes after it."""
    before, after = httpx.ASGITransport(shelf(2, 0)), httpx.ASGITransport(shelf(2, 1))
    asked, answer = asyncio.Event(), asyncio.Event()

    class Slow(httpx.AsyncBaseTransport):
        now = before

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            shown = self.now
            if not asked.is_set():
                asked.set()
                await answer.wait()
            return await shown.handle_async_request(request)

    transport = Slow()
    async with httpx.AsyncClient(transport=transport) as http:
        profiles = Profiles(Caller(http, ADDRESS))
        early = asyncio.create_task(profiles.etag(None))
        await asked.wait()
        transport.now = after
        profiles.changed(UUID(int=1))
        answer.set()
        await early
        assert await profiles.etag(None) == (UUID(int=1), "e1")
