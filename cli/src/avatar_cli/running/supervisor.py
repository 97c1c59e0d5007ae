"""Runs all processes of one copy, starts again those that die, and leaves none behind.

Each service runs under a small process (`guard.py`) that kills what is left of its process group,
and ends it when this process is dead. A second Ctrl-C kills at once; so does the end of
`STOP_WAIT_S`.
"""

import asyncio
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TextIO

from honcho.colour import get_colours
from honcho.printer import Message, Printer

from avatar_cli.running import logview, watchdog
from avatar_cli.running.child import Child
from avatar_cli.running.plan import Service
from avatar_cli.running.restarts import Restarts

STOP_WAIT_S = 15.0
"""All processes have so long to end when asked, s."""

OWN_NAME = "avatar"
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Death:
    """The end of a service that ended everything."""

    name: str
    code: int
    """Negative is a signal."""

    times: int
    """How often it had died shortly before, this time included; 1: it never became ready."""


class LogPrinter(Printer):
    """Prints log lines readably behind the name of their service, and keeps them in files."""

    def __init__(self, files: logview.LogFiles, output: TextIO) -> None:
        super().__init__(output)
        self._files = files
        self._broken = False

    def write(self, message: Message) -> None:
        data = message.data
        text = data.decode("utf-8", "replace") if isinstance(data, bytes) else str(data)
        name = message.name
        self.prefix = message.type != "plain"
        for line in text.rstrip("\n").split("\n"):
            self._files.write(name, logview.own_line(line) if name == OWN_NAME else line)
            fields = logview.parse(line)
            if fields is None:
                self._show(message, name, line)
            elif not logview.is_chatter(fields):
                self._show(message, name, logview.render(fields, self._colours_supported))

    def _show(self, message: Message, name: str, text: str) -> None:
        if self._broken:
            return
        try:
            super().write(message._replace(type="line", name=name, data=text))
        except (BrokenPipeError, OSError):
            # The terminal has gone, not the services: the files still have every line.
            self._broken = True


class Supervisor:
    """Starts services, prints what they log, and stops all of them together."""

    def __init__(
        self,
        services: Sequence[Service],
        files: logview.LogFiles,
        *,
        when_started: Callable[["Supervisor"], None],
        output: TextIO | None = None,
        restart_limit: int = 6,
        hang_s: float = 30.0,
    ) -> None:
        self._printer = LogPrinter(files, output or sys.stdout)
        self._printer.width = max(len(OWN_NAME), *(len(service.name) for service in services))
        self._services = services
        self._when_started = when_started
        self._restart_limit = restart_limit
        self._hang_s = hang_s
        self._children: dict[str, Child] = {}
        self._started: set[str] = set()
        self._ever_ready: set[str] = set()
        self._stop = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.died: Death | None = None
        """The service that stopped everything, when one did."""

    def run(self) -> None:
        """Until a signal, or until one service can't be kept alive."""
        asyncio.run(self._run())

    def say(self, text: str) -> None:
        """Prints a text of ours between the log lines, as it is; from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._print, "plain", OWN_NAME, text)

    @property
    def stopping(self) -> bool:
        """Whether all processes have been asked to end."""
        return self._stop.is_set()

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        for signum in _ENDING:
            self._loop.add_signal_handler(signum, self._on_signal)
        colours = get_colours()
        async with asyncio.TaskGroup() as group:
            for service in self._services:
                group.create_task(self._keep_alive(service, next(colours)))

    def _on_signal(self) -> None:
        """The first asks all to end; a second one makes them."""
        if self.stopping:
            self._kill()
        else:
            self._terminate()

    def _terminate(self) -> None:
        if self.stopping:
            return
        self._stop.set()
        for name, child in self._children.items():
            self._note(f"sending SIGTERM to {name} (pid {child.pid})")
            child.stop()
        asyncio.get_running_loop().call_later(STOP_WAIT_S, self._kill)

    def _kill(self) -> None:
        for name, child in self._children.items():
            self._note(f"sending SIGKILL to {name} (pid {child.pid})")
            child.kill()

    async def _keep_alive(self, service: Service, colour: str) -> None:
        """All lives of one service."""
        restarts = Restarts(self._restart_limit)
        while not self.stopping:
            began = time.monotonic()
            code = await self._live(service, colour)
            self._note(f"{service.name} stopped (rc={code})")
            if self._stop.is_set():
                return
            delay_s = restarts.after_death(began, time.monotonic())
            # What is wrong at the first start is a setting, mostly; a signal came from outside.
            never_worked = code >= 0 and service.port and service.name not in self._ever_ready
            if delay_s is None or never_worked:
                self.died = Death(service.name, code, len(restarts.deaths))
                self._terminate()
                return
            self._note(
                f"{service.name} {how_it_ended(code)}; it is started again in {delay_s:.1f} s"
                f" (death {len(restarts.deaths)} in 2 minutes, all is stopped at"
                f" {self._restart_limit or 'no number'})"
            )
            await self._pause(delay_s)

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stop.wait(), seconds)
        except TimeoutError:
            return

    async def _live(self, service: Service, colour: str) -> int:
        """One life; how it ended."""
        name = service.name
        child = await Child.start(service)
        self._children[name] = child
        if self.stopping:
            child.stop()
        watch = asyncio.create_task(self._watch(service, child)) if service.port else None
        try:
            return await child.run(
                lambda pid: self._on_started(name, pid),
                lambda line: self._print("line", name, line.decode("utf-8", "replace"), colour),
            )
        finally:
            del self._children[name]
            if watch is not None:
                watch.cancel()

    def _on_started(self, name: str, pid: int) -> None:
        self._note(f"{name} started (pid={pid})")
        if name in self._started:
            return
        self._started.add(name)
        if len(self._started) == len(self._services):
            threading.Thread(target=self._when_started, args=(self,), daemon=True).start()

    async def _watch(self, service: Service, child: Child) -> None:
        def ready() -> None:
            if service.name in self._ever_ready:
                self._note(f"{service.name} works again")
            self._ever_ready.add(service.name)

        await watchdog.until_hung(service.url, self._hang_s, ready)
        if not self.stopping:
            self._note(f"{service.name} has answered nothing for {self._hang_s:g} s: it is killed")
            child.kill()

    def _note(self, text: str) -> None:
        self._print("line", OWN_NAME, text)

    def _print(self, kind: str, name: str, text: str, colour: str | None = None) -> None:
        self._printer.write(Message(kind, text, datetime.now().astimezone(), name, colour))


def how_it_ended(code: int) -> str:
    """An exit code in words; negative is a signal."""
    return f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
