"""Runs all processes of one copy under honcho, and leaves none behind.

honcho starts every command through a small process of its own that reads its output, stops all
when one stops, and kills what has not stopped after five seconds. What is added here:

- the group of a process that ends is killed, so that no worker of it stays;
- when the supervisor itself is killed, those small processes end their groups;
- a second Ctrl-C kills at once; so does the end of `STOP_WAIT_S`.
"""

import contextlib
import os
import shlex
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TextIO

from honcho.compat import ProcessManager
from honcho.manager import SYSTEM_PRINTER_NAME, Manager
from honcho.printer import Message, Printer
from honcho.process import Popen, Process

from avatar_cli.running import logview
from avatar_cli.running.plan import Service
from avatar_contract.service import SUPERVISOR_ENV, supervisor_lives

STOP_WAIT_S = 8.0
"""All processes have so long to end when asked, s."""

OWN_NAME = "avatar"
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_POLL_S = 0.3
_ORPHAN_WAIT_S = 7.0


class GuardedPopen(Popen):
    """A command whose whole process group ends with it, or with the supervisor."""

    def __init__(self, cmd: str, **kwargs: Any) -> None:
        super().__init__(cmd, preexec_fn=_default_signals, **kwargs)
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


def _default_signals() -> None:
    for signum in _ENDING:
        signal.signal(signum, signal.SIG_DFL)


def _signal_group(group: int, signum: signal.Signals) -> None:
    # Gone already; macOS says "not permitted" of a group of zombies.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signum)


class GuardedProcess(Process):
    """honcho's process, started by `GuardedPopen`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._child_ctor = GuardedPopen

    def run(self, events: Any = None, ignore_signals: bool = False) -> None:
        # A terminal sends Ctrl-C and its own end to this process too; the supervisor decides.
        for signum in _ENDING:
            signal.signal(signum, signal.SIG_IGN)
        super().run(events, ignore_signals)


class LeaderFirst(ProcessManager):
    """Asks a service to end, and leaves it to the service to end its workers; kills the group."""

    def terminate(self, pid: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


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
        self._procmgr = LeaderFirst()
        self._when_started = when_started
        self._asked = False
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
        ended = [name for name in self._processes if self.code_of(name) is not None]
        self.died = None if self._asked or not ended else ended[0]
        super().terminate()
        timer = threading.Timer(STOP_WAIT_S, self.kill)
        timer.daemon = True
        timer.start()

    def _start(self) -> None:
        for signum in _ENDING:
            signal.signal(signum, self._on_signal)
        super()._start()
        # Only now: a thread that runs while honcho forks could leave a lock held in the child.
        threading.Thread(target=self._when_started, args=(self,), daemon=True).start()

    def _on_signal(self, _signum: int, _frame: object) -> None:
        """The first asks all to end; a second one makes them."""
        self._asked = True
        if self._terminating:
            self.kill()
        else:
            self.terminate()
