"""One life of one service: started under `guard.py`, asked to end, made to end."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from avatar_cli.running.plan import Service

_GUARD = Path(__file__).with_name("guard.py")
_OUTPUT_WAIT_S = 1.0
_READ_BYTES = 2**16
LOST = -signal.SIGKILL
"""The code when the guard itself was killed, and nobody saw how the service ended."""


class Child:
    """A running service with its guard."""

    def __init__(self, guard: asyncio.subprocess.Process, reports: asyncio.StreamReader) -> None:
        if guard.stdin is None or guard.stdout is None:
            raise ValueError("the guard needs pipes")
        self._guard = guard
        self._orders, self._output = guard.stdin, guard.stdout
        self._reports = reports
        self.pid: int | None = None
        """Of the service; it leads its process group."""

    @classmethod
    async def start(cls, service: Service) -> "Child":
        """Starts the guard, which starts the service; returns when the service has its pid."""
        ours, theirs = os.pipe()
        try:
            # A session of its own: what is sent to the supervisor's group leaves it alone.
            guard = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", str(_GUARD), str(theirs), *service.command),
                env=service.environment,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                pass_fds=(theirs,),
                start_new_session=True,
            )
        finally:
            os.close(theirs)
        reports = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reports), os.fdopen(ours, "rb")
        )
        return cls(guard, reports)

    async def run(self, started: Callable[[int], None], line: Callable[[bytes], None]) -> int:
        """How it ended, when it has; negative is a signal. `line` gets each line of its output."""
        output = asyncio.create_task(self._copy(line))
        code = LOST
        async for report in self._reports:
            word, number = report.split()
            if word == b"pid":
                self.pid = int(number)
                started(self.pid)
            else:
                code = int(number)
        if code == LOST:
            # The guard was killed. asyncio says that it ended only when the service, too, has let
            # go of their output.
            self._kill_group()
        await self._guard.wait()
        # A process that left the group may hold the output open for ever.
        await asyncio.wait({output}, timeout=_OUTPUT_WAIT_S)
        output.cancel()
        return code

    async def _copy(self, line: Callable[[bytes], None]) -> None:
        rest = b""
        while piece := await self._output.read(_READ_BYTES):
            *whole, rest = (rest + piece).split(b"\n")
            for each in whole:
                line(each)
        if rest:
            line(rest)

    def stop(self) -> None:
        """Asks the service to end."""
        self._order(b"stop\n")

    def kill(self) -> None:
        """Ends its whole group now."""
        self._order(b"kill\n")
        if self._guard.returncode is not None:
            self._kill_group()

    def _kill_group(self) -> None:
        if self.pid is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def _order(self, order: bytes) -> None:
        if not self._orders.is_closing():
            self._orders.write(order)
