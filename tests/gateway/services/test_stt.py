"""The socket to stt-service, against a real WebSocket server."""

from __future__ import annotations

import asyncio
import json
import struct
from socket import SO_LINGER, SOL_SOCKET

import pytest
from websockets.asyncio.server import ServerConnection, serve

from avatar_contract import listen
from avatar_contract.errors import AvatarError, SttUnavailable
from gateway.services.caller import Address
from gateway.services.stt import ListenClient


def at(url: str) -> Address:
    return Address("stt", "stt-service", url, SttUnavailable)


class Ears:
    """What a session would be told."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[listen.ListenEvent] = asyncio.Queue()
        self.lost: asyncio.Queue[AvatarError] = asyncio.Queue()

    async def next(self) -> listen.ListenEvent:
        return await asyncio.wait_for(self.events.get(), 5)


async def echoing(socket: ServerConnection) -> None:
    """Counts bytes of sound; a commit is answered with the count as words."""
    heard = 0
    async for frame in socket:
        if isinstance(frame, bytes):
            heard += len(frame)
        elif json.loads(frame)["type"] == "commit":
            final = listen.Final(utterance=1, audio_ms=0, text=str(heard))
            await socket.send("no message of ours")
            await socket.send(final.model_dump_json())


async def test_sound_and_commands_keep_their_order() -> None:
    ears = Ears()
    async with serve(echoing, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        socket = await ListenClient(at(url)).open(ears.events.put_nowait, ears.lost.put_nowait)
        socket.send(listen.ListenConfigure())
        for _ in range(100):
            socket.send_audio(bytes(640))
        socket.send(listen.Commit())
        final = await ears.next()
        assert isinstance(final, listen.Final)
        assert final.text == "64000"
        socket.close()
        await asyncio.sleep(0.05)
        assert ears.lost.empty()
        with pytest.raises(SttUnavailable):
            socket.send_audio(b"\0\0")


async def test_in_a_crowd_silence_is_sent_in_larger_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """But not the sound of an utterance, nor a lone speaker's."""
    monkeypatch.setattr("gateway.services.stt._FEW", 1)
    pieces: list[int] = []

    async def noting(socket: ServerConnection) -> None:
        async for frame in socket:
            if isinstance(frame, bytes):
                pieces.append(len(frame))
            elif json.loads(frame)["type"] == "clear":
                await socket.send(
                    listen.SpeechStarted(utterance=7, audio_ms=0).model_dump_json()
                    if len(pieces) < 3
                    else listen.NoSpeech(utterance=7, audio_ms=0).model_dump_json()
                )

    ears = Ears()
    async with serve(noting, "127.0.0.1", 0) as server:
        client = ListenClient(at(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"))
        socket = await client.open(ears.events.put_nowait, ears.lost.put_nowait)
        socket.send(listen.ListenConfigure(turn_detection="server_vad"))

        async def sent(windows: int) -> list[int]:
            before = len(pieces)
            for _ in range(windows):
                socket.send_audio(bytes(1024))
            socket.send(listen.Clear())
            await ears.next()
            return pieces[before:]

        assert await sent(2) == [1024, 1024]
        other = await client.open(Ears().events.put_nowait, Ears().lost.put_nowait)
        assert await sent(2) == [1024, 1024]
        assert await sent(4) == [2048, 2048]
        other.close()
        socket.close()


async def test_a_server_that_goes_is_reported_once() -> None:
    ears = Ears()
    async with serve(echoing, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        await ListenClient(at(url)).open(ears.events.put_nowait, ears.lost.put_nowait)
    error = await asyncio.wait_for(ears.lost.get(), 5)
    assert isinstance(error, SttUnavailable)
    await asyncio.sleep(0.05)
    assert ears.lost.empty()


async def test_a_socket_that_broke_takes_no_more() -> None:
    ears = Ears()
    async with serve(echoing, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        socket = await ListenClient(at(url)).open(ears.events.put_nowait, ears.lost.put_nowait)
        (connection,) = server.connections
        tcp = connection.transport.get_extra_info("socket")
        # A reset, as of a process that was killed with sound unread: nothing says the end.
        tcp.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        connection.transport.abort()
        await asyncio.wait_for(ears.lost.get(), 30)
        with pytest.raises(SttUnavailable):
            socket.send_audio(bytes(64_000))
        with pytest.raises(SttUnavailable):
            socket.send(listen.Commit())


async def test_nobody_there() -> None:
    ears = Ears()
    with pytest.raises(SttUnavailable):
        await ListenClient(at("http://127.0.0.1:9")).open(
            ears.events.put_nowait, ears.lost.put_nowait
        )


async def test_a_refused_handshake() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    ears = Ears()
    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(SttUnavailable):
            await ListenClient(at(url)).open(ears.events.put_nowait, ears.lost.put_nowait)


async def test_a_server_that_reads_nothing_counts_as_stalled() -> None:
    async def deaf(socket: ServerConnection) -> None:
        await asyncio.Event().wait()

    ears = Ears()
    server = await serve(deaf, "127.0.0.1", 0, max_queue=1, close_timeout=0.2)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    socket = await ListenClient(at(url)).open(ears.events.put_nowait, ears.lost.put_nowait)
    for _ in range(400):
        if not ears.lost.empty():
            break
        socket.send_audio(bytes(64_000))
        await asyncio.sleep(0)
    assert "stalls" in (await asyncio.wait_for(ears.lost.get(), 5)).message
    socket.close()
    server.close(close_connections=True)
