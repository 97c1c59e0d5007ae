"""``python -m avatar_bench.standins RECOGNISER_PORT HTTP_PORT``: all stand-in engines, one process.

``STANDIN_DELAYS`` (JSON) are the delays that it starts with.

::

    recogniser   RECOGNISER_PORT  see link.py
    model        HTTP_PORT        POST /v1/chat/completions (streamed)
    speech       HTTP_PORT        POST /v1/audio/speech (pcm 24 kHz, chunked)
    POST /set {delays, answer}    GET /log (what was asked, and when)    POST /reset

Times in the log are of the machine's monotonic clock, which all processes share, in ms.
"""

import asyncio
import json
import os
import re
import sys
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from avatar_bench import clips, marks
from avatar_bench.standins.delays import FAST, Delays, tokens
from avatar_bench.standins.http import Exchange, serve
from avatar_bench.standins.link import CLOSE, FEED, HEADER, LOOK, LOOK_NUMBER

SPEECH_RATE = 24_000
_FIRST_PIECE_MS = 40
_PIECE_MS = 200
_WORD = re.compile(r"\w+")


def now_ms() -> float:
    """The clock that all processes share."""
    return time.monotonic() * 1000


@dataclass
class Engines:
    """The state of the stand-ins."""

    delays: Delays = FAST
    answer: str = "short"
    log: dict[str, list[dict[str, Any]]] = field(
        default_factory=lambda: {"recogniser": [], "model": [], "speech": []}
    )


@dataclass
class FedUtterance:
    """An utterance at the recogniser: its words are read once, as its sound comes."""

    reader: marks.Reader = field(default_factory=marks.Reader)
    got_bytes: int = 0

    def feed(self, pcm: bytes) -> None:
        """More of its sound, 16 kHz mono ``pcm_s16le``."""
        self.got_bytes += len(pcm)
        self.reader.feed(np.frombuffer(pcm, np.int16).astype(np.float32) / 32768)


class Recogniser:
    """Returns the words contained in the sound that it was given, and no others."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self._words = clips.words_by_code()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One process's connection."""
        heard: dict[int, FedUtterance] = {}
        looks: set[asyncio.Task[None]] = set()
        try:
            while True:
                number, kind, length = HEADER.unpack(await reader.readexactly(HEADER.size))
                payload = await reader.readexactly(length)
                if kind == FEED:
                    heard.setdefault(number, FedUtterance()).feed(payload)
                elif kind == LOOK:
                    said = heard.setdefault(number, FedUtterance())
                    look = LOOK_NUMBER.unpack(payload)[0]
                    # What is fed from now on is for the next look.
                    answer = self._answer(said, now_ms(), (number, look), writer)
                    task = asyncio.ensure_future(answer)
                    looks.add(task)
                    task.add_done_callback(looks.discard)
                elif kind == CLOSE:
                    heard.pop(number, None)
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    def _answer(
        self, said: FedUtterance, asked: float, which: tuple[int, int], writer: asyncio.StreamWriter
    ) -> Coroutine[Any, Any, None]:
        found = [self._words.get(code, "") for code, _ in said.reader.words]
        entry = {
            "asked": asked,
            "text": " ".join(word for word in found if word),
            "ms": said.got_bytes / 32,
        }
        return self._send(entry, which, writer)

    async def _send(
        self, entry: dict[str, Any], which: tuple[int, int], writer: asyncio.StreamWriter
    ) -> None:
        await sleep_until(entry["asked"] + self._engines.delays.recogniser_ms)
        self._engines.log["recogniser"].append({**entry, "answered": now_ms()})
        number, look = which
        body = json.dumps({"look": look, "text": entry["text"]}).encode()
        if not writer.is_closing():
            writer.write(HEADER.pack(number, LOOK, len(body)) + body)


async def sleep_until(due_ms: float) -> None:
    """Until the shared clock shows `due_ms`."""
    await asyncio.sleep(max(0.0, (due_ms - now_ms()) / 1000))


async def complete(engines: Engines, exchange: Exchange) -> None:
    """The model: its answer repeats the last word that it was given."""
    asked = now_ms()
    request = json.loads(exchange.body)
    question = _text(request["messages"][-1]["content"])
    words = _WORD.findall(question)
    entry = {"asked": asked, "question": question, "messages": request["messages"], "tokens": []}
    engines.log["model"].append(entry)
    exchange.start("text/event-stream")
    exchange.piece(_event({"role": "assistant", "content": ""}))
    due = asked + engines.delays.first_token_ms
    for token in tokens(words[-1] if words else "nothing", engines.answer):
        await sleep_until(due)
        exchange.piece(_event({"content": token}))
        entry["tokens"].append(now_ms())
        due += engines.delays.token_ms
    exchange.piece(_event({}, "stop"))
    exchange.piece(b"data: [DONE]\n\n")
    exchange.end()
    entry["ended"] = now_ms()


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return " ".join(part.get("text", "") for part in content)


def _event(delta: dict[str, Any], finish: str | None = None) -> bytes:
    chunk = {
        "id": "x",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": "stand-in",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


async def speak(engines: Engines, exchange: Exchange) -> None:
    """The voice: so much sound for each character, in pieces as a real engine would send."""
    asked = now_ms()
    delays = engines.delays
    text = json.loads(exchange.body)["input"]
    left_ms = delays.char_ms * len(text)
    entry: dict[str, Any] = {"asked": asked, "text": text, "sound_ms": left_ms}
    engines.log["speech"].append(entry)
    exchange.start(f"audio/pcm; rate={SPEECH_RATE}; channels=1")
    due, piece_ms = asked + delays.first_byte_ms, float(_FIRST_PIECE_MS)
    while left_ms > 0:
        await sleep_until(due)
        piece_ms = min(piece_ms, left_ms)
        exchange.piece(_HUM[: int(piece_ms * SPEECH_RATE / 1000) * 2])
        entry.setdefault("first", now_ms())
        left_ms -= piece_ms
        due += piece_ms * delays.speech_factor
        piece_ms = float(_PIECE_MS)
    exchange.end()
    entry["ended"] = now_ms()


_HUM = (
    (np.sin(np.arange(SPEECH_RATE // 2) * 2 * np.pi * 180 / SPEECH_RATE) * 3000)
    .astype("<i2")
    .tobytes()
)


async def main(recogniser_port: int, http_port: int) -> None:
    """Serves until ended."""
    given = json.loads(os.environ.get("STANDIN_DELAYS", "{}"))
    engines = Engines(delays=Delays(**given))

    async def handle(exchange: Exchange) -> None:
        path = exchange.path
        if path == "/v1/chat/completions":
            await complete(engines, exchange)
        elif path == "/v1/audio/speech":
            await speak(engines, exchange)
        elif path == "/v1/models":
            exchange.json({"object": "list", "data": [{"id": "stand-in", "object": "model"}]})
        elif path == "/health":
            engine = {"name": "stand-in", "kind": "local", "languages": ["en", "zh-TW"]}
            exchange.json({"status": "ok", "engine": engine})
        elif path == "/log":
            exchange.json(engines.log)
        elif path == "/reset":
            for entries in engines.log.values():
                entries.clear()
            exchange.json({})
        elif path == "/set":
            wanted = json.loads(exchange.body)
            engines.delays = Delays(**wanted.get("delays", engines.delays.as_dict()))
            engines.answer = wanted.get("answer", engines.answer)
            exchange.json({})
        else:
            exchange.json({"error": path}, "404 Not Found")

    recogniser = Recogniser(engines)
    servers = [
        await asyncio.start_server(recogniser.serve, "127.0.0.1", recogniser_port),
        await serve(handle, http_port),
    ]
    serving = asyncio.gather(*(server.serve_forever() for server in servers))
    parent = os.getppid()
    while os.getppid() == parent:
        # A measurement that was killed leaves nothing behind.
        await asyncio.wait([serving], timeout=1)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
