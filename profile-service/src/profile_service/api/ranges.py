"""Stored audio as an answer, whole or a range of it (RFC 9110 §14)."""

import re
from collections.abc import Iterator
from typing import BinaryIO

from fastapi import Request, Response
from starlette.responses import StreamingResponse

from avatar_contract.errors import BadMessage
from avatar_contract.service.problems import problem_response
from profile_service.audiofile import AudioFile

_ONE_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_PIECE = 64 * 1024


class Unsatisfiable(Exception):
    """The range begins past the end."""


def parse(header: str | None, size: int) -> tuple[int, int] | None:
    """``(first, last)`` byte of a range header; None: the whole is wanted, or it is to be ignored.

    Several ranges at once are ignored, which RFC 9110 §14.2 allows.

    Raises:
        Unsatisfiable: it begins past the end.
    """
    found = _ONE_RANGE.fullmatch(header.replace(" ", "")) if header else None
    if found is None or found.groups() == ("", ""):
        return None
    begin, end = found.groups()
    if not begin:
        if int(end) == 0:
            raise Unsatisfiable
        return max(0, size - int(end)), size - 1
    first, last = int(begin), min(int(end), size - 1) if end else size - 1
    if first >= size:
        raise Unsatisfiable
    return (first, last) if not end or int(end) >= first else None


def answer(request: Request, file: AudioFile, source: BinaryIO) -> Response:
    """`source`, or what the request wants of it; closed when sent.

    206 for a range, 304 where the client has it, 416 past the end.
    """
    etag = f'"{file.sha256[:32]}"'
    headers = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "Avatar-Duration-Ms": f"{file.duration_ms:.0f}",
    }
    wanted = request.headers.get("range")
    if request.headers.get("if-range", etag) != etag:
        wanted = None
    if etag in request.headers.get("if-none-match", ""):
        source.close()
        return Response(status_code=304, headers=headers)
    try:
        part = parse(wanted, file.size)
    except Unsatisfiable:
        source.close()
        refusal = problem_response(BadMessage(f"There are {file.size} bytes."), 416)
        refusal.headers["Content-Range"] = f"bytes */{file.size}"
        return refusal
    first, last = part or (0, file.size - 1)
    headers["Content-Length"] = str(last - first + 1)
    if part:
        headers["Content-Range"] = f"bytes {first}-{last}/{file.size}"
    return StreamingResponse(
        _pieces(source, first, last - first + 1),
        status_code=206 if part else 200,
        media_type=file.content_type,
        headers=headers,
    )


def _pieces(source: BinaryIO, first: int, left: int) -> Iterator[bytes]:
    with source:
        source.seek(first)
        while left > 0 and (piece := source.read(min(left, _PIECE))):
            left -= len(piece)
            yield piece
