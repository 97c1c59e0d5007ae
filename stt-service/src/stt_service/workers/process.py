"""A worker process seen from its parent."""

import asyncio
import json
import sys
from collections import deque
from collections.abc import Sequence
from typing import Any

from avatar_contract.errors import SttUnavailable
from avatar_contract.service import get_logger
from stt_service.workers.frames import HEADER, MAX_FRAME_BYTES, pack

log = get_logger(__name__)

Answer = dict[str, Any]

_END_S = 2.0
_ENDED = "The recogniser's process ended: say it again, a new one starts."


class Worker:
    """A child that runs ``python -m module args``, answering asks in order.

    Its first answer says that it is ready, or what is wrong.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._asked: deque[asyncio.Future[Answer]] = deque()
        self.ready: asyncio.Future[Answer] = self._expect()
        self.gone = asyncio.Event()
        self._reader = asyncio.create_task(self._read(), name=f"worker-{process.pid}")

    @classmethod
    async def spawn(cls, module: str, args: Sequence[str] = ()) -> "Worker":
        """Starts the child. What it is told before it is ready waits in the pipe."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, *args,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        return cls(process)

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
        pipe = self._process.stdin
        if self.alive and pipe is not None and not pipe.is_closing():
            pipe.write(pack(operation, payload))

    def ask(self, operation: int, payload: bytes = b"") -> asyncio.Future[Answer]:
        """Sends an operation and returns its answer to come.

        The future fails with SttUnavailable when the child ends first. Cancelling it is harmless.
        """
        answer = self._expect()
        if self.alive:
            self.tell(operation, payload)
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
            self._process.kill()
            await self._process.wait()

    def _expect(self) -> asyncio.Future[Answer]:
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        # Nobody may be waiting any more when it fails: that is no error of its own.
        answer.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._asked.append(answer)
        return answer

    async def _read(self) -> None:
        answers = self._process.stdout
        try:
            while answers is not None:
                self._settle(await _read_answer(answers))
        except (asyncio.IncompleteReadError, ConnectionError, ValueError):
            self.gone.set()
            await self._depart()
            log.info("worker.ended", pid=self.pid, status=self._process.returncode)
            self._fail_all()

    def _settle(self, answer: Answer) -> None:
        waiting = self._asked.popleft()
        if waiting.done():
            return
        if "error" in answer:
            waiting.set_exception(SttUnavailable(str(answer["error"])))
        else:
            waiting.set_result(answer)

    def _fail_all(self) -> None:
        while self._asked:
            waiting = self._asked.popleft()
            if not waiting.done():
                waiting.set_exception(SttUnavailable(_ENDED))


async def _read_answer(stream: asyncio.StreamReader) -> Answer:
    length, _ = HEADER.unpack(await stream.readexactly(HEADER.size))
    if length > MAX_FRAME_BYTES:
        raise ValueError("frame too long")
    answer: Answer = json.loads(await stream.readexactly(length))
    return answer
