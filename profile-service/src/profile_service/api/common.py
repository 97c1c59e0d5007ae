"""What the routes share: whose data it is, the parts of the service, bodies with a limit."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Header, Request
from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.types import Message, Receive

from avatar_contract.errors import BadMessage, PayloadTooLarge, Problem, ProfileUnavailable
from avatar_contract.records import DEFAULT_OWNER, OWNER_HEADER
from profile_service.conversations import Conversations
from profile_service.database import Database
from profile_service.sessions import Sessions
from profile_service.settings import MIB, Settings
from profile_service.tables import OWNER_CHARS
from profile_service.turns import Turns
from profile_service.vault import Vault
from profile_service.voices import Voices

M = TypeVar("M", bound=BaseModel)

_DRAINED = 32 * MIB


PROBLEMS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": Problem, "description": "What is wrong with the request, as RFC 9457 says it"},
    "5XX": {"model": Problem, "description": "What failed, and whether a retry may help"},
}
"""What every route may answer besides."""


@dataclass(frozen=True)
class Parts:
    """What `app.py` built."""

    settings: Settings
    database: Database
    vault: Vault
    turns: Turns
    sessions: Sessions
    conversations: Conversations
    voices: Voices


def parts(request: Request) -> Parts:
    """Raises ProfileUnavailable while the service waits for its database to start."""
    built: Parts | None = getattr(request.app.state, "parts", None)
    if built is None:
        raise ProfileUnavailable("The service is starting: it waits for its database.")
    return built


def owner(value: Annotated[str | None, Header(alias=OWNER_HEADER)] = None) -> str:
    """Whose data the call is about."""
    name = DEFAULT_OWNER if value is None else value.strip()
    if not name or len(name) > OWNER_CHARS or not name.isprintable():
        raise BadMessage(f"{OWNER_HEADER} must be 1 to {OWNER_CHARS} printable characters.")
    return name


PartsOf = Annotated[Parts, Depends(parts)]
Owner = Annotated[str, Depends(owner)]


class _InMemory(MultiPartParser):
    """Files of a form stay in memory, where they are needed whole: a full disk must not matter."""

    spool_max_size = 1 << 40


@asynccontextmanager
async def multipart(request: Request, max_mib: int) -> AsyncIterator[FormData]:
    """The form of a request whose body is at most `max_mib` MiB and a little for its wrapping.

    Raises:
        PayloadTooLarge: it is longer, whatever its header says.
        BadMessage: it is no multipart form.
    """
    limit = max_mib * MIB + MIB // 4
    too_large = PayloadTooLarge(f"More than {max_mib} MiB: send a shorter recording.")
    if int(request.headers.get("content-length") or 0) > limit:
        await _drain(request.receive)
        raise too_large
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise BadMessage("Send this as multipart/form-data.")
    received = 0
    receive = request.receive

    async def counted() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit:
            await _drain(receive)
            raise too_large
        return message

    parser = _InMemory(
        request.headers,
        Request(request.scope, counted).stream(),
        max_files=4,
        max_fields=16,
        max_part_size=4 * MIB,
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise BadMessage(error.message) from error
    try:
        yield form
    finally:
        await form.close()


async def _drain(receive: Receive) -> None:
    """Read on for a while: a client that is still sending could not read the refusal."""
    left = _DRAINED
    while left > 0:
        message = await receive()
        left -= len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body"):
            return


async def file_of(form: FormData, name: str, max_bytes: int) -> bytes | None:
    """The bytes of a file of the form; None when it was not sent. Raises PayloadTooLarge."""
    part = form.get(name)
    if part is None:
        return None
    if not isinstance(part, UploadFile):
        raise BadMessage(f"{name} must be a file.")
    if (part.size or 0) > max_bytes:
        raise PayloadTooLarge(f"{name} has more than {max_bytes // MIB} MiB: send a shorter one.")
    return await part.read()


async def text_of(form: FormData, name: str) -> str | None:
    """A text field of the form, also when it was sent as a file; None when it was not sent."""
    part = form.get(name)
    if not isinstance(part, UploadFile):
        return part
    try:
        return (await part.read()).decode()
    except UnicodeDecodeError as error:
        raise BadMessage(f"{name} is not UTF-8 text.") from error


def model_of(kind: type[M], name: str, text: str | None) -> M:
    """The JSON `text` of field `name` as a `kind`. Raises BadMessage."""
    if text is None:
        raise BadMessage(f"The field {name} is missing.")
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        raise BadMessage(f"{name}: {explain(error)}") from error


def explain(error: ValidationError) -> str:
    """The first thing that is wrong, without what was sent: that may be what someone said."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(place) for place in first["loc"])
    return f"{where}: {first['msg']}" if where else first["msg"]


async def json_of(kind: type[M], request: Request) -> M:
    """The request's JSON body as a `kind`. Raises BadMessage."""
    try:
        json.loads(body := await request.body())
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise BadMessage(explain(error)) from error
    except ValueError as error:
        raise BadMessage("The body is not JSON.") from error
