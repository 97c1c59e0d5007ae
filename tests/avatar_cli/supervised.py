"""Run by test_supervisor: supervises small services. Arguments: folder, then `name=kind`s.

A kind may be followed by `@PORT`. Kinds: `calm` serves until SIGTERM; `deaf` ignores SIGTERM;
`parent` is calm, and has a worker that holds its output open and ignores SIGTERM; `web` answers
/health at its port; `failing` ends with 1.
"""

import os
import sys
from pathlib import Path

from avatar_cli.running.logview import LogFiles
from avatar_cli.running.plan import Service
from avatar_cli.running.supervisor import Supervisor

NOTE = "import os,pathlib,sys;pathlib.Path({folder!r},'{name}.pid').write_text(str(os.getpid()));"
DEAF = "import signal;signal.signal(signal.SIGTERM,signal.SIG_IGN);"
WAIT = "print('up',flush=True);import time;time.sleep(300)"


WEB = """
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def script(kind: str, name: str, folder: str) -> str:
    note = NOTE.format(folder=folder, name=name)
    if kind == "web":
        return note + WEB
    if kind == "failing":
        return note + "print('what is wrong');sys.exit(1)"
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
    services = [service(folder, *pair.split("=")) for pair in kinds]
    supervisor = Supervisor(
        services,
        LogFiles(Path(folder) / "log"),
        when_started=lambda s: s.say("all were started"),
        restart_limit=3,
        hang_s=1.5,
    )
    supervisor.run()
    print("died:", supervisor.died, flush=True)


def service(folder: str, name: str, kind: str) -> Service:
    kind, _, port = kind.partition("@")
    command = (sys.executable, "-c", script(kind, name, folder), port)
    # An environment without AVATAR_SUPERVISOR: only the guards end these.
    return Service(name, command, int(port or 0), dict(os.environ))


if __name__ == "__main__":
    main()
