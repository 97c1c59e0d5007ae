"""Run by test_supervisor: supervises small services. Arguments: folder, then `name=kind`s.

Kinds: `calm` serves until SIGTERM; `deaf` ignores SIGTERM; `parent` is calm, and has a worker that
holds its output open and ignores SIGTERM.
"""

import os
import sys
from pathlib import Path

from avatar_cli.running.logview import LogFiles
from avatar_cli.running.plan import Service
from avatar_cli.running.supervisor import Supervisor
from avatar_contract.service import SUPERVISOR_ENV, supervisor_tag

NOTE = "import os,pathlib;pathlib.Path({folder!r},'{name}.pid').write_text(str(os.getpid()));"
DEAF = "import signal;signal.signal(signal.SIGTERM,signal.SIG_IGN);"
WAIT = "print('up',flush=True);import time;time.sleep(300)"


def script(kind: str, name: str, folder: str) -> str:
    note = NOTE.format(folder=folder, name=name)
    if kind == "deaf":
        return DEAF + note + WAIT
    if kind == "parent":
        worker = DEAF + NOTE.format(folder=folder, name=name + "-worker") + WAIT
        return (
            f"import subprocess,sys;subprocess.Popen([sys.executable,'-c',{worker!r}]);{note}{WAIT}"
        )
    return note + WAIT


def main() -> None:
    folder, *kinds = sys.argv[1:]
    environment = {**os.environ, SUPERVISOR_ENV: supervisor_tag(os.getpid())}
    services = [
        Service(name, (sys.executable, "-c", script(kind, name, folder)), 0, environment)
        for name, kind in (pair.split("=") for pair in kinds)
    ]
    files = LogFiles(Path(folder) / "log")
    supervisor = Supervisor(services, files, when_started=lambda s: s.say("all were started"))
    supervisor.loop()
    print("died:", supervisor.died, flush=True)


if __name__ == "__main__":
    main()
