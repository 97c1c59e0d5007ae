"""Starts the service again and again, quickly: everything is imported once, each life is a fork.

For each line of standard input it forks a service on the socket named there and prints its pid;
the line after says that it was killed, and it is reaped.
"""

import os
import signal
import socket
import sys
from pathlib import Path

import uvicorn

from profile_service.app import build
from profile_service.settings import Settings


def live(path: str) -> None:
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    config = uvicorn.Config(build(Settings()), log_config=None, access_log=False, lifespan="on")
    uvicorn.Server(config).run([listening])


for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        live(line.strip())
        os._exit(0)
    print(pid, flush=True)
    sys.stdin.readline()
    # It was killed, unless the test has ended before that.
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    Path(line.strip()).unlink(missing_ok=True)
