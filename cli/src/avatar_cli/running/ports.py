"""TCP ports of this machine: which are free, and who has one."""

import contextlib
import socket
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Holder:
    """The process that listens on a port."""

    pid: int
    name: str
    command: str


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen there."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As uvicorn does, so that connections of an earlier run in TIME_WAIT don't count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen()
        except OSError:
            return False
    return True


def pick(count: int, host: str = "127.0.0.1") -> list[int]:
    """`count` different ports that were free just now."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind((host, 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def holder_of(port: int) -> Holder | None:
    """Who listens on `port`; None when nobody does or the system doesn't tell."""
    try:
        connections = psutil.net_connections(kind="tcp")
    except (psutil.AccessDenied, PermissionError):
        return None
    for connection in connections:
        if connection.status != psutil.CONN_LISTEN or not connection.pid:
            continue
        if connection.laddr and connection.laddr.port == port:
            return _describe(connection.pid)
    return None


def _describe(pid: int) -> Holder | None:
    try:
        process = psutil.Process(pid)
        return Holder(pid, process.name(), " ".join(process.cmdline())[:120])
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None
