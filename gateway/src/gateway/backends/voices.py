"""Which voice speaks a clause, and where its recording comes from."""

from __future__ import annotations

from typing import NamedTuple, Protocol
from uuid import UUID

from avatar_contract.audio import HOUSE_RATE, wav_bytes
from avatar_contract.errors import AvatarError
from avatar_contract.service import get_logger
from avatar_contract.speech import SpokenNotice
from avatar_contract.wire import NoticeCode
from gateway.backends.protocols import ClauseRequest, OwnVoice

log = get_logger(__name__)

FELL_BACK = SpokenNotice(
    code=NoticeCode.VOICE_FELL_BACK,
    message="The chosen voice can't be had; the engine's own voice speaks.",
)


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


class Chosen(NamedTuple):
    """The voice of a clause."""

    voice_id: UUID
    etag: str
    own: OwnVoice | None = None
    """The person's own recording, when that is what speaks."""


async def choose(
    book: VoiceBook, request: ClauseRequest
) -> tuple[Chosen | None, SpokenNotice | None]:
    """The profile's voice, else the person's own, else the engine's (None).

    A voice that is gone must not silence the assistant: then a notice says so.
    """
    try:
        found = await book.etag(request.voice_profile_id)
    except AvatarError as error:
        log.warning("speech.voice_fell_back", code=error.code)
        return None, FELL_BACK if request.voice_profile_id else None
    if found is not None:
        return Chosen(*found), None
    own = request.own_voice
    return (Chosen(own.voice_id, own.etag, own) if own else None), None


async def reference(book: VoiceBook, chosen: Chosen) -> Reference:
    """The recording behind `chosen`. Raises NotFound or ProfileUnavailable."""
    if chosen.own is not None:
        return Reference(wav_bytes(chosen.own.pcm, HOUSE_RATE), chosen.own.text)
    return await book.reference(chosen.voice_id)
