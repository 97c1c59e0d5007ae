"""The socket of `/ws/chat`."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

from pydantic import ValidationError
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from avatar_contract.errors import BadMessage
from avatar_contract.wire import (
    AudioFrame,
    ClientMessage,
    Error,
    ServerMessage,
    Session,
    parse_server,
    unpack_audio,
)

_MAX_MESSAGE_BYTES = 16 * 2**20
_OPEN_TIMEOUT_S = 10.0


class NotReachableError(Exception):
    """No AVATAR answers there, or it refuses; the message says what to do."""


class Refused(NotReachableError):
    """It answered with an error instead of a session."""

    def __init__(self, error: Error) -> None:
        super().__init__(f"{error.code}: {error.message}")
        self.error = error


class Chat:
    """An open conversation. Times are ms of a monotonic clock."""

    def __init__(self, socket: ClientConnection, session: Session) -> None:
        self.session = session
        self._socket = socket

    @staticmethod
    def now() -> float:
        """The clock that `receive` stamps messages with, ms."""
        return time.monotonic() * 1000

    async def send(self, message: ClientMessage) -> None:
        """Sends one message.

        Raises:
            NotReachableError: the socket has closed.
        """
        try:
            await self._socket.send(message.model_dump_json(exclude_none=True))
        except ConnectionClosed as cause:
            raise NotReachableError(_closed(cause)) from cause

    async def send_audio(self, payload: bytes) -> None:
        """Sends one binary frame, in the format that `configure.audio_in` declared."""
        try:
            await self._socket.send(payload)
        except ConnectionClosed as cause:
            raise NotReachableError(_closed(cause)) from cause

    async def receive(self) -> tuple[ServerMessage | AudioFrame, float]:
        """The next message and when it came. Messages of a newer server are passed over.

        Raises:
            NotReachableError: the socket has closed.
        """
        while True:
            try:
                data = await self._socket.recv()
            except ConnectionClosed as cause:
                raise NotReachableError(_closed(cause)) from cause
            now = self.now()
            try:
                message = unpack_audio(data) if isinstance(data, bytes) else parse_server(data)
            except (ValidationError, BadMessage):
                continue
            return message, now


def _closed(cause: ConnectionClosed) -> str:
    reason = cause.rcvd.reason if cause.rcvd else ""
    code = cause.rcvd.code if cause.rcvd else 1006
    return f"AVATAR closed the connection ({code}{': ' + reason if reason else ''})."


def socket_url(url: str) -> str:
    """Address of the conversation socket of an AVATAR at `url`."""
    parts = urlsplit(url if "//" in url else f"http://{url}")
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    path = parts.path.rstrip("/")
    if not path.endswith("/ws/chat"):
        path += "/ws/chat"
    return urlunsplit((scheme, parts.netloc, path, parts.query, ""))


@asynccontextmanager
async def open_chat(url: str, key: str | None = None) -> AsyncIterator[Chat]:
    """Connects, and waits for the server's `session`.

    Raises:
        NotReachableError: nobody answers, the address is wrong, or the server is full.
    """
    address = socket_url(url)
    headers = {"Authorization": f"Bearer {key}"} if key else None
    try:
        socket = await connect(
            address,
            additional_headers=headers,
            max_size=_MAX_MESSAGE_BYTES,
            open_timeout=_OPEN_TIMEOUT_S,
            compression=None,
            proxy=None,
        )
    except InvalidURI as cause:
        raise NotReachableError(f"{url} is not an address like http://127.0.0.1:8000.") from cause
    except InvalidStatus as cause:
        raise NotReachableError(_refusal(url, cause.response.status_code)) from cause
    except InvalidHandshake as cause:
        raise NotReachableError(f"{url} is no AVATAR: {cause}.") from cause
    except (OSError, TimeoutError) as cause:
        raise NotReachableError(
            f"No AVATAR answers at {url}. Start it with `avatar up`, or name another with --url."
        ) from cause
    async with socket:
        yield Chat(socket, await _session(socket))


def _refusal(url: str, status: int) -> str:
    if status == 401:
        return f"{url} wants a key: --key, or AVATAR_API_KEY in the environment."
    if status == 404:
        return f"{url} has no /ws/chat: is it AVATAR?"
    return f"{url} refused the connection with status {status}."


async def _session(socket: ClientConnection) -> Session:
    try:
        data = await asyncio.wait_for(socket.recv(), _OPEN_TIMEOUT_S)
    except (ConnectionClosed, TimeoutError) as cause:
        text = _closed(cause) if isinstance(cause, ConnectionClosed) else "It says nothing."
        raise NotReachableError(text) from cause
    first = parse_server(data)
    if isinstance(first, Error):
        raise Refused(first)
    if not isinstance(first, Session):
        raise NotReachableError("The server did not begin with a session: is it AVATAR?")
    return first


Watch = Callable[[ServerMessage | AudioFrame, float], None]
"""Is shown every message of a turn as it comes."""
