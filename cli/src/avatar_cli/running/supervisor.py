"""Runs all processes of one copy under honcho, and leaves none behind.

honcho starts every command through a small process of its own that reads its output, stops all
when one stops, and kills what has not stopped after five seconds. What is added here:

- the group of a process that ends is killed, so that no worker of it stays;
- when the supervisor itself is killed, those small processes end their groups;
- a second Ctrl-C kills at once; so does the end of `STOP_WAIT_S`.
"""

import os
import shlex
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TextIO

from honcho.manager import SYSTEM_PRINTER_NAME, Manager
from honcho.printer import Message, Printer
from honcho.process import Popen, Process

from avatar_cli.running import logview
from avatar_cli.running.plan import Service
from avatar_contract.service import SUPERVISOR_ENV, supervisor_lives

STOP_WAIT_S = 8.0
"""All processes have so long to end when asked, s."""

OWN_NAME = "avatar"
_POLL_S = 0.3
_SIGNALLED = 128
_ORPHAN_WAIT_S = 7.0


class GuardedPopen(Popen):
    """A command whose whole process group ends with it, or with the supervisor."""

    def __init__(self, cmd: str, **kwargs: Any) -> None:
        super().__init__(cmd, **kwargs)
        tag = (kwargs.get("env") or {}).get(SUPERVISOR_ENV, "")
        threading.Thread(target=self._guard, args=(tag,), daemon=True).start()

    def _guard(self, tag: str) -> None:
        while self.poll() is None and supervisor_lives(tag):
            time.sleep(_POLL_S)
        if self.poll() is not None:
            # A worker left behind would also hold the pipe open that honcho waits for.
            _signal_group(self.pid, signal.SIGKILL)
            return
        _signal_group(self.pid, signal.SIGTERM)
        deadline = time.monotonic() + _ORPHAN_WAIT_S
        while self.poll() is None and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        _signal_group(self.pid, signal.SIGKILL)
        # Nobody reads the queue any more, and leaving the usual way would wait to write to it.
        os._exit(1)


def _signal_group(group: int, signum: signal.Signals) -> None:
    try:
        os.killpg(group, signum)
    except (ProcessLookupError, PermissionError):
        # Gone already; macOS says "not permitted" of a group of zombies.
        return


class GuardedProcess(Process):
    """honcho's process, started by `GuardedPopen`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._child_ctor = GuardedPopen


class LogPrinter(Printer):
    """Prints log lines readably behind the name of their service, and keeps them in files."""

    def __init__(self, files: logview.LogFiles, output: TextIO) -> None:
        super().__init__(output)
        self._files = files
        self._broken = False

    def write(self, message: Message) -> None:
        data = message.data
        text = data.decode("utf-8", "replace") if isinstance(data, bytes) else str(data)
        name = OWN_NAME if message.name in (None, SYSTEM_PRINTER_NAME) else message.name
        self.prefix = message.name != OWN_NAME
        for line in text.rstrip("\n").split("\n"):
            self._files.write(name, line)
            fields = logview.parse(line)
            if fields is None:
                self._show(message, name, line)
            elif not logview.is_chatter(fields):
                self._show(message, name, logview.render(fields, self._colours_supported))

    def _show(self, message: Message, name: str, text: str) -> None:
        if self._broken:
            return
        try:
            super().write(message._replace(name=name, data=text))
        except (BrokenPipeError, OSError):
            # The terminal has gone, not the services: the files still have every line.
            self._broken = True


class Supervisor(Manager):
    """Starts services, prints what they log, and stops all of them together."""

    def __init__(
        self,
        services: Sequence[Service],
        files: logview.LogFiles,
        *,
        when_started: Callable[["Supervisor"], None],
        output: TextIO | None = None,
    ) -> None:
        super().__init__(LogPrinter(files, output or sys.stdout))
        self._process_ctor = GuardedProcess
        self._when_started = when_started
        self.died: str | None = None
        """The service that stopped by itself, when one did."""
        for service in services:
            command = "exec " + shlex.join(service.command)
            self.add_process(service.name, command, env=service.environment)

    def say(self, text: str) -> None:
        """Prints a text of ours between the log lines, as it is; from any thread."""
        now = datetime.now().astimezone()
        self.events.put(Message("line", text, now, OWN_NAME, None))

    @property
    def stopping(self) -> bool:
        """Whether all processes have been asked to end."""
        return bool(self._terminating)

    def code_of(self, name: str) -> int | None:
        """How a process ended; negative is a signal; None while it runs."""
        code = self._processes[name].get("returncode")
        return None if code is None else int(code)

    def terminate(self) -> None:
        """Asks all to end; those that have not within STOP_WAIT_S are killed."""
        if self._terminating:
            return
        asked = self.returncode is not None and self.returncode >= _SIGNALLED
        ended = [name for name in self._processes if self.code_of(name) is not None]
        self.died = None if asked or not ended else ended[0]
        super().terminate()
        timer = threading.Timer(STOP_WAIT_S, self.kill)
        timer.daemon = True
        timer.start()

    def _start(self) -> None:
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, self._on_signal)
        super()._start()
        # Only now: a thread that runs while honcho forks could leave a lock held in the child.
        threading.Thread(target=self._when_started, args=(self,), daemon=True).start()

    def _on_signal(self, signum: int, _frame: object) -> None:
        """The first asks all to end; a second one makes them."""
        self.returncode = _SIGNALLED + signum
        if self._terminating:
            self.kill()
        else:
            self.terminate()
