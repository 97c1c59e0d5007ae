"""A worker process seen from its parent."""

import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from avatar_contract.errors import SttUnavailable
from avatar_contract.service import get_logger
from stt_service.workers.frames import HEADER, HELLO, MAX_FRAME_BYTES, NOTE, pack

log = get_logger(__name__)

Answer = dict[str, Any]

_END_S = 2.0
_ENDED = "The recogniser's process ended: say it again, a new one starts."


class Worker:
    """A child that runs ``python -m module args``.

    Args:
        on_note: gets the news that the child sends unasked, such as how far loading is.
    """

    def __init__(
        self, process: asyncio.subprocess.Process, on_note: Callable[[Answer], None]
    ) -> None:
        self._process = process
        self._on_note = on_note
        self._asked: dict[int, asyncio.Future[Answer]] = {}
        self._count = count(HELLO)
        self.ready: asyncio.Future[Answer] = self._expect()[1]
        self.gone = asyncio.Event()
        self._reader = asyncio.create_task(self._read(), name=f"worker-{process.pid}")

    @classmethod
    async def spawn(
        cls,
        module: str,
        args: Sequence[str] = (),
        on_note: Callable[[Answer], None] = lambda _: None,
    ) -> "Worker":
        """Starts the child. What it is told before it is ready waits in the pipe."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, *args,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        return cls(process, on_note)

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it still answers."""
        return not self.gone.is_set()

    def tell(self, operation: int, payload: bytes = b"") -> None:
        """Sends an operation that has no answer."""
        self._write(pack(operation, HELLO, payload))

    def ask(self, operation: int, payload: bytes = b"") -> asyncio.Future[Answer]:
        """Sends an operation and returns its answer to come.

        The future fails with SttUnavailable when the child ends first. Cancelling it is harmless.
        """
        ask, answer = self._expect()
        if self.alive:
            self._write(pack(operation, ask, payload))
        else:
            self._fail_all()
        return answer

    async def end(self) -> None:
        """Closes its pipe, waits for it to go, and kills it when it doesn't."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        await self._depart()
        await self._reader

    def kill(self) -> None:
        """Ends it at once."""
        if self._process.returncode is None:
            self._process.kill()

    async def _depart(self) -> None:
        try:
            async with asyncio.timeout(_END_S):
                await self._process.wait()
        except TimeoutError:
            self.kill()
            await self._process.wait()

    def _write(self, frame: bytes) -> None:
        pipe = self._process.stdin
        if self.alive and pipe is not None and not pipe.is_closing():
            pipe.write(frame)

    def _expect(self) -> tuple[int, asyncio.Future[Answer]]:
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        # Nobody may be waiting any more when it fails: that is no error of its own.
        answer.add_done_callback(lambda done: done.cancelled() or done.exception())
        ask = next(self._count)
        self._asked[ask] = answer
        return ask, answer

    async def _read(self) -> None:
        answers = self._process.stdout
        try:
            while answers is not None:
                self._settle(*await _read_answer(answers))
        except (asyncio.IncompleteReadError, ConnectionError, ValueError):
            self.gone.set()
            await self._depart()
            log.info("worker.ended", pid=self.pid, status=self._process.returncode)
            self._fail_all()

    def _settle(self, ask: int, answer: Answer) -> None:
        if ask == NOTE:
            self._on_note(answer)
            return
        waiting = self._asked.pop(ask)
        if waiting.done():
            return
        if "error" in answer:
            waiting.set_exception(SttUnavailable(str(answer["error"])))
        else:
            waiting.set_result(answer)

    def _fail_all(self) -> None:
        asked, self._asked = self._asked, {}
        for waiting in asked.values():
            if not waiting.done():
                waiting.set_exception(SttUnavailable(_ENDED))


async def _read_answer(stream: asyncio.StreamReader) -> tuple[int, Answer]:
    length, _, ask = HEADER.unpack(await stream.readexactly(HEADER.size))
    if length > MAX_FRAME_BYTES:
        raise ValueError("frame too long")
    answer: Answer = json.loads(await stream.readexactly(length))
    return ask, answer
