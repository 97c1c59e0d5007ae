"""A WebSocket client that costs next to nothing: hundreds of them must not make each other late.

Frames are masked with the key 0, which leaves the payload as it is (RFC 6455 §5.3 lets the client
choose). Standard library only.
"""

import asyncio
import base64
import os
from collections.abc import Callable

_TEXT, _BINARY, _CLOSE, _PING, _PONG = 1, 2, 8, 9, 10


def frame(payload: bytes, opcode: int) -> bytes:
    """A client's frame."""
    length = len(payload)
    if length < 126:
        head = bytes((0x80 | opcode, 0x80 | length))
    elif length < 65536:
        head = bytes((0x80 | opcode, 0xFE)) + length.to_bytes(2, "big")
    else:
        head = bytes((0x80 | opcode, 0xFF)) + length.to_bytes(8, "big")
    return head + b"\0\0\0\0" + payload


class Socket(asyncio.Protocol):
    """One connection. `on_text` and `on_binary` get whole messages."""

    def __init__(
        self,
        host: str,
        path: str,
        on_text: Callable[[bytes], None],
        on_binary: Callable[[bytes], None],
    ) -> None:
        self._request = (
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n"
        ).encode()
        self._on_text, self._on_binary = on_text, on_binary
        self._got = bytearray()
        self._open = False
        self._message = b""
        self._kind = 0
        self._transport: asyncio.Transport
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.lost = False

    def send(self, payload: bytes, *, text: bool = False) -> None:
        """One message."""
        self._transport.write(frame(payload, _TEXT if text else _BINARY))

    def close(self) -> None:
        """Says goodbye."""
        if not self.lost:
            self._transport.write(frame(b"\x03\xe8", _CLOSE))
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._request)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        if not self.opened.done():
            self.opened.set_exception(ConnectionError("refused"))

    def data_received(self, data: bytes) -> None:
        self._got += data
        if not self._open and not self._shake():
            return
        while self._take():
            pass

    def _shake(self) -> bool:
        end = self._got.find(b"\r\n\r\n")
        if end < 0:
            return False
        status = bytes(self._got[: self._got.find(b"\r\n")])
        del self._got[: end + 4]
        if b" 101 " not in status:
            self.opened.set_exception(ConnectionError(status.decode(errors="replace")))
            return False
        self._open = True
        self.opened.set_result(None)
        return True

    def _take(self) -> bool:
        got = self._got
        if len(got) < 2:
            return False
        length, start = got[1] & 0x7F, 2
        if length >= 126:
            size = 2 if length == 126 else 8
            start += size
            length = int.from_bytes(got[2:start], "big")
        if len(got) < start + length:
            return False
        first, payload = got[0], bytes(got[start : start + length])
        del got[: start + length]
        self._frame(first & 0x0F, payload, final=bool(first & 0x80))
        return True

    def _frame(self, opcode: int, payload: bytes, *, final: bool) -> None:
        if opcode == _PING:
            self._transport.write(frame(payload, _PONG))
        elif opcode == _CLOSE:
            self._transport.close()
        elif opcode < _CLOSE:
            self._kind = opcode or self._kind
            self._message += payload
            if final:
                message, self._message = self._message, b""
                (self._on_text if self._kind == _TEXT else self._on_binary)(message)


async def connect(
    port: int, path: str, on_text: Callable[[bytes], None], on_binary: Callable[[bytes], None]
) -> Socket:
    """Opens a socket to loopback. Raises ConnectionError."""
    loop = asyncio.get_running_loop()
    host = f"127.0.0.1:{port}"
    _, socket = await loop.create_connection(
        lambda: Socket(host, path, on_text, on_binary), "127.0.0.1", port
    )
    await asyncio.wait_for(socket.opened, 20)
    return socket
