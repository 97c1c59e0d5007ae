"""stt-service over ``WS /v1/listen``, on websockets' sans-I/O protocol.

Frames of hundreds of sessions pass here: writing straight to the transport spares a task switch
and a queue for each.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import cast

from pydantic import ValidationError
from websockets.client import ClientProtocol
from websockets.datastructures import Headers
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.uri import WebSocketURI, parse_uri

from avatar_contract.errors import AvatarError, SttUnavailable
from avatar_contract.listen import (
    HEARING_WINDOW_BYTES,
    Cleared,
    Final,
    ListenCommand,
    ListenConfigure,
    ListenError,
    ListenEvent,
    NoSpeech,
    SpeechStarted,
    parse_event,
)
from avatar_contract.records import DEFAULT_OWNER, OWNER_HEADER
from avatar_contract.service import get_logger, trace
from gateway.services.breaker import Breaker
from gateway.services.caller import Address

log = get_logger(__name__)

_CONNECT_TIMEOUT_S = 5.0
_STALLED_BYTES = 4 * 2**20
"""Unsent sound (131 s of it) after which the recogniser counts as stalled. The longest utterance
of the default limits, which a new recogniser is told again at once, is shorter."""
_ENDINGS = (Final, NoSpeech, Cleared, ListenError)
_FEW = 32
"""Sockets up to which every window is sent at once."""
_GATHERED = 2
"""Windows that are sent together beyond that, while nobody speaks."""


class Crowd:
    """How many sockets are open in this process."""

    def __init__(self) -> None:
        self.sockets = 0

    @property
    def gathered(self) -> int:
        """Windows worth sending together: a lone speaker's start must not wait, and with hundreds
        of sessions sends are what a core is spent on."""
        return 1 if self.sockets <= _FEW else _GATHERED


class ListenClient:
    """Opens sockets to one stt-service."""

    def __init__(self, address: Address, breaker: Breaker | None = None) -> None:
        url = address.url.removeprefix("http").rstrip("/")
        self._uri = parse_uri(f"ws{url}/v1/listen")
        self._headers = address.bearer() | {OWNER_HEADER: DEFAULT_OWNER}
        self._breaker = breaker or Breaker()
        self._crowd = Crowd()

    async def open(
        self,
        on_event: Callable[[ListenEvent], None],
        on_lost: Callable[[AvatarError], None],
    ) -> ListenSocket:
        """Connects. Raises SttUnavailable."""
        if not self._breaker.allows():
            raise SttUnavailable(
                "The speech recogniser does not answer.",
                retry_after_s=self._breaker.retry_after_s(),
            )
        loop = asyncio.get_running_loop()
        headers = self._headers | trace.headers()
        tls = ssl.create_default_context() if self._uri.secure else None
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT_S):
                _, socket = await loop.create_connection(
                    lambda: ListenSocket(self._uri, headers, on_event, on_lost, self._crowd),
                    self._uri.host,
                    self._uri.port,
                    ssl=tls,
                )
                await _handshake(socket)
        except (OSError, TimeoutError) as cause:
            self._breaker.failed()
            raise SttUnavailable("The speech recogniser can't be reached.") from cause
        self._breaker.answered()
        return socket


async def _handshake(socket: ListenSocket) -> None:
    """Waits for it; a socket that was given up in the middle belongs to nobody and is closed."""
    try:
        await socket.opened
    except BaseException:
        socket.close()
        raise


class ListenSocket(asyncio.Protocol):
    """One open socket."""

    def __init__(
        self,
        uri: WebSocketURI,
        headers: dict[str, str],
        on_event: Callable[[ListenEvent], None],
        on_lost: Callable[[AvatarError], None],
        crowd: Crowd,
    ) -> None:
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ws = ClientProtocol(uri, max_size=2**20)
        self._headers = headers
        self._on_event = on_event
        self._on_lost: Callable[[AvatarError], None] | None = on_lost
        self._transport: asyncio.Transport | None = None
        self._crowd = crowd
        self._hands_free = False
        self._speaking = 0
        """The utterance that is open, by its number."""
        self._held = bytearray()
        """Sound that is not worth sending yet."""
        self._past_window = 0
        """Bytes after the last whole window that was sent, sent or held."""

    # --- Listener ---------------------------------------------------------------------------

    def send_audio(self, pcm: bytes) -> None:
        """16 kHz mono ``pcm_s16le``.

        stt hears whole windows only. Less than one waits here for the rest, and in a crowd less
        than two while nobody speaks: sending is a system call.
        """
        self._ensure_open()
        self._held += pcm
        self._past_window += len(pcm)
        calm = self._hands_free and not self._speaking
        if self._past_window < HEARING_WINDOW_BYTES * (self._crowd.gathered if calm else 1):
            return
        self._past_window %= HEARING_WINDOW_BYTES
        self._send_held()
        self._flush()
        if self._transport and self._transport.get_write_buffer_size() > _STALLED_BYTES:
            self._lose(SttUnavailable("The speech recogniser stalls: it takes in no sound."))

    def send(self, command: ListenCommand) -> None:
        """After all sound that was sent before."""
        self._ensure_open()
        if isinstance(command, ListenConfigure):
            self._hands_free = command.turn_detection == "server_vad"
        self._send_held()
        self._ws.send_text(command.model_dump_json(exclude_unset=False).encode())
        self._flush()

    def close(self) -> None:
        """Ends the socket; nothing is reported any more."""
        self._on_lost = None
        if self._ws.state is State.OPEN:
            self._ws.send_close(1000)
            self._flush()
        if self._transport is not None:
            self._transport.close()

    # --- asyncio.Protocol -------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports aren't subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._crowd.sockets += 1
        request = self._ws.connect()
        request.headers.update(Headers(self._headers))
        self._ws.send_request(request)
        self._flush()

    def data_received(self, data: bytes) -> None:
        self._ws.receive_data(data)
        self._flush()
        for event in self._ws.events_received():
            if isinstance(event, Response):
                self._answered()
            elif isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                self._take(bytes(event.data))
        if self._ws.close_expected() and self._transport is not None:
            self._transport.close()

    def eof_received(self) -> None:
        self._ws.receive_eof()

    def connection_lost(self, exc: Exception | None) -> None:
        self._crowd.sockets -= 1
        lost = SttUnavailable("The connection to the speech recogniser broke.")
        lost.__cause__ = exc
        self._lose(lost)

    # --- inside -----------------------------------------------------------------------------

    def _send_held(self) -> None:
        if self._held:
            self._ws.send_binary(bytes(self._held))
            self._held.clear()

    def _answered(self) -> None:
        refused = self._ws.handshake_exc
        if refused is not None:
            error = SttUnavailable(f"The speech recogniser refused the connection: {refused}.")
            error.__cause__ = refused
            self._lose(error)
        elif not self.opened.done():
            self.opened.set_result(None)

    def _take(self, data: bytes) -> None:
        try:
            event = parse_event(data)
        except ValidationError as cause:
            log.error("listen.unknown_event", exc=cause)
            return
        if isinstance(event, SpeechStarted):
            self._speaking = event.utterance
        elif isinstance(event, _ENDINGS) and event.utterance == self._speaking:
            self._speaking = 0
        if self._on_lost is not None:
            self._on_event(event)

    def _ensure_open(self) -> None:
        lost = self._transport is None or self._transport.is_closing()
        if lost or self._ws.state is not State.OPEN:
            raise SttUnavailable("The connection to the speech recogniser is closed.")

    def _flush(self) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        for data in self._ws.data_to_send():
            if data:
                self._transport.write(data)

    def _lose(self, error: AvatarError) -> None:
        if self._transport is not None:
            self._transport.close()
        if not self.opened.done():
            self.opened.set_exception(error)
            self._on_lost = None
        elif self._on_lost is not None:
            on_lost, self._on_lost = self._on_lost, None
            on_lost(error)
