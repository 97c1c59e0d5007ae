"""Where one copy of AVATAR keeps what it writes, and the lock that keeps a second copy out."""

import contextlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

DEFAULT_HOME = "./var"
DEFAULT_PORT = 8000


class HomeTakenError(Exception):
    """Another copy runs on this folder. `holder` is what it wrote into the lock."""

    def __init__(self, home: Path, holder: str) -> None:
        super().__init__(f"{home} is in use")
        self.home = home
        self.holder = holder


@dataclass(frozen=True)
class Home:
    """The folder AVATAR_HOME."""

    path: Path

    @classmethod
    def of_environment(cls, environment: Mapping[str, str] = os.environ) -> "Home":
        """AVATAR_HOME, or ./var of the working directory."""
        return cls(Path(environment.get("AVATAR_HOME") or DEFAULT_HOME).expanduser().resolve())

    @property
    def run(self) -> Path:
        """What is true only while it runs."""
        return self.path / "run"

    @property
    def logs(self) -> Path:
        """One file of JSON lines a service, and its older ones."""
        return self.path / "log"

    @property
    def models(self) -> Path:
        """Weights of the real engines."""
        return self.path / "models"

    @property
    def ports_file(self) -> Path:
        """Ports of the running services by name."""
        return self.run / "ports.json"

    def write_ports(self, ports: Mapping[str, int]) -> None:
        """Replaces the file of ports in one step."""
        self.run.mkdir(parents=True, exist_ok=True)
        draft = self.ports_file.with_suffix(".tmp")
        draft.write_text(json.dumps(dict(ports), indent=2) + "\n")
        draft.replace(self.ports_file)

    def read_ports(self) -> dict[str, int]:
        """Ports of the copy that runs here; empty when none does."""
        try:
            return {str(k): int(v) for k, v in json.loads(self.ports_file.read_text()).items()}
        except FileNotFoundError:
            return {}

    def holder(self) -> int | None:
        """The process of the copy that runs here; None when none does."""
        import fcntl  # not on Windows, where doctor still has to say so

        try:
            with (self.run / "avatar.lock").open("r") as file:
                fcntl.flock(file.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return None
        except BlockingIOError:
            text = (self.run / "avatar.lock").read_text().strip()
            return int(text) if text.isdigit() and psutil.pid_exists(int(text)) else None
        return None

    @contextlib.contextmanager
    def locked(self, patience_s: float = 8.0) -> Iterator[None]:
        """Holds the folder against a second copy.

        A copy whose supervisor was killed holds it until its last process has gone: so when the
        holder has gone, the lock is asked for again until `patience_s` has passed.

        Raises:
            HomeTakenError: another copy has it.
        """
        self.run.mkdir(parents=True, exist_ok=True)
        with (self.run / "avatar.lock").open("a+") as file:
            _acquire(file.fileno(), self, time.monotonic() + patience_s)
            file.truncate(0)
            file.write(f"{os.getpid()}\n")
            file.flush()
            try:
                yield
            finally:
                self.ports_file.unlink(missing_ok=True)


def _acquire(descriptor: int, home: Home, deadline: float) -> None:
    import fcntl  # not on Windows, where doctor still has to say so

    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as cause:
            holder = os.pread(descriptor, 64, 0).decode(errors="replace").strip()
            lives = holder.isdigit() and psutil.pid_exists(int(holder))
            if lives or time.monotonic() >= deadline:
                raise HomeTakenError(home.path, holder) from cause
            time.sleep(0.2)
        else:
            return


def configured_port(environment: Mapping[str, str] = os.environ) -> int:
    """AVATAR_PORT, 8000 when it is not set; 0 asks for any free one.

    Raises:
        ValueError: not a port number.
    """
    text = environment.get("AVATAR_PORT") or str(DEFAULT_PORT)
    port = int(text) if text.isdigit() else -1
    if not 0 <= port <= 65535:
        raise ValueError(f"AVATAR_PORT={text!r} is not a port: give a number from 1 to 65535.")
    return port


def default_url(environment: Mapping[str, str] = os.environ) -> str:
    """Address of the copy that runs in AVATAR_HOME, else of AVATAR_PORT on this machine."""
    ports = Home.of_environment(environment).read_ports()
    port = ports.get("gateway") or configured_port(environment)
    return f"http://127.0.0.1:{port}"
