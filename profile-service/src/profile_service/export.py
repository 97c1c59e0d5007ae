"""A conversation as a file: JSON, Markdown, or a zip of both with the audio, made as it is sent."""

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from typing import BinaryIO

from avatar_contract.records import ConversationView, Side, TurnView
from profile_service.audiofile import AudioFile

_PIECE = 64 * 1024


def as_json(conversation: ConversationView) -> bytes:
    """The conversation as the API gives it."""
    return conversation.model_dump_json(indent=2).encode()


def as_markdown(conversation: ConversationView) -> bytes:
    """The conversation to read: a heading, and each turn's two sides."""
    lines = [f"# {_plain(conversation.title) or conversation.id}", ""]
    lines += [f"{conversation.created_at:%Y-%m-%d %H:%M} UTC · {len(conversation.turns)}", ""]
    for turn in conversation.turns:
        lines += _turn_lines(turn)
    return "\n".join(lines).encode()


def _turn_lines(turn: TurnView) -> list[str]:
    lines = [f"## {turn.turn_number} · {turn.created_at:%H:%M:%S}", ""]
    lines += [*_quoted("🧑", turn.user_text), ""]
    if turn.edited_text is not None and turn.recognised_text:
        lines += [*_quoted("🎙", turn.recognised_text), ""]
    answer = turn.heard_text + " ✂" if turn.interrupted else turn.ai_text
    return [*lines, *_quoted("🤖", answer), ""]


def _quoted(who: str, text: str) -> list[str]:
    first, *rest = text.splitlines() or [""]
    return [f"> {who} {_plain(first)}", *(f"> {_plain(line)}" for line in rest)]


def _plain(text: str) -> str:
    """What people said is no Markdown."""
    return re.sub(r"([\\`*_{}\[\]<>#|~])", r"\\\1", text)


class _Outbox(io.RawIOBase):
    """Where the zip is written, a piece at a time; nothing is kept of what was sent."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._at = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def write(self, data: object) -> int:
        piece = bytes(memoryview(data))  # type: ignore[arg-type]
        self._pieces.append(piece)
        self._at += len(piece)
        return len(piece)

    def take(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


def as_zip(
    conversation: ConversationView,
    files: list[tuple[int, Side, AudioFile]],
    read: Callable[[str], BinaryIO],
) -> Iterator[bytes]:
    """The pieces of a zip with both texts and ``audio/{turn}-{side}.ogg``. Blocking.

    Audio that is deleted while it is being sent is left out.
    """
    outbox = _Outbox()
    with zipfile.ZipFile(outbox, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("conversation.json", as_json(conversation))
        archive.writestr("conversation.md", as_markdown(conversation))
        yield outbox.take()
        for number, side, file in files:
            yield from _zip_audio(archive, outbox, f"audio/{number:04d}-{side}.ogg", file, read)
    yield outbox.take()


def _zip_audio(
    archive: zipfile.ZipFile,
    outbox: _Outbox,
    name: str,
    file: AudioFile,
    read: Callable[[str], BinaryIO],
) -> Iterator[bytes]:
    try:
        source = read(file.key)
    except FileNotFoundError:
        return
    # Opus does not shrink: it is stored as it is.
    entry = zipfile.ZipInfo(name)
    with source, archive.open(entry, "w") as target:
        while piece := source.read(_PIECE):
            target.write(piece)
            yield outbox.take()
