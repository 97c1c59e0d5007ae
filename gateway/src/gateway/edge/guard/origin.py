"""Which names this gateway answers to, and which pages may talk to it.

Any web page can send requests and open sockets to localhost, and DNS rebinding makes a stranger's
name point there. A foreign page always shows itself in `Origin`; a rebound name in `Host`.
"""

import ipaddress
import re
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from avatar_contract.errors import Forbidden
from gateway.edge.guard.refuse import refuse

_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.\-_]+)(?::(\d{1,5}))?")
_DEFAULT_PORTS = {"http": "80", "https": "443", "ws": "80", "wss": "443"}


def split_host(value: str) -> tuple[str, str | None]:
    """(name in lower case without brackets, port) of a Host header; raises `Forbidden`."""
    found = _HOST.fullmatch(value)
    if not found:
        raise Forbidden("The Host header is malformed.")
    return found[1].strip("[]").lower().rstrip("."), found[2]


def own_names() -> frozenset[str]:
    """Names that mean this machine without any configuration."""
    name = socket.gethostname().lower()
    short = name.split(".")[0]
    return frozenset({"localhost", name, short, f"{short}.local"})


class HostPolicy:
    """Literal addresses, names without a dot, this machine's names, and those configured.

    An address can't be rebound, and a name without a dot can't be a stranger's: those are of the
    local network, such as a container's neighbours.
    """

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._names = own_names() | {name.lower() for name in allowed}

    def check(self, host: str) -> None:
        """Raise `Forbidden` for a Host header that names something else."""
        name, _ = split_host(host)
        if name in self._names or name.endswith(".localhost") or _is_local(name):
            return
        raise Forbidden(
            f"This gateway does not answer to the name {name!r}. "
            "Add it to ALLOWED_HOSTS if it is yours."
        )


class OriginPolicy:
    """The page served here, and those configured; programs send no Origin and pass."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._allowed = frozenset(origin.lower().rstrip("/") for origin in allowed)

    def check(self, origin: str | None, fetch_site: str | None, host: str) -> None:
        """Raise `Forbidden` for a page from elsewhere.

        `fetch_site` is Sec-Fetch-Site (W3C Fetch Metadata), which scripts can't forge.
        """
        if origin is None:
            if fetch_site == "cross-site":
                raise self._refusal("another site")
            return
        if origin.lower() in self._allowed or _same_host(origin, host):
            return
        raise self._refusal(origin)

    def _refusal(self, origin: str) -> Forbidden:
        return Forbidden(
            f"Pages of {origin[:100]} may not use this gateway. "
            "Add the origin to ALLOWED_ORIGINS if it is yours."
        )


def _same_host(origin: str, host: str) -> bool:
    parts = urlsplit(origin)
    if parts.scheme not in _DEFAULT_PORTS or not parts.netloc:
        return False
    default = _DEFAULT_PORTS[parts.scheme]
    try:
        of_page, of_host = split_host(parts.netloc), split_host(host)
    except Forbidden:
        return False
    return of_page[0] == of_host[0] and (of_page[1] or default) == (of_host[1] or default)


def _is_local(name: str) -> bool:
    if name and "." not in name and ":" not in name:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class OriginGuard:
    """Applies both policies to every request and socket.

    Links and bookmarks from other sites may open the page (GET without Origin), nothing else.
    """

    def __init__(
        self, app: ASGIApp, hosts: HostPolicy, origins: OriginPolicy, guarded: tuple[str, ...] = ()
    ) -> None:
        self._app = app
        self._hosts = hosts
        self._origins = origins
        self._guarded = guarded

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        try:
            # Two Host headers are how one guard is made to see another name than the next.
            host = hosts[0] if len(hosts) == 1 else ""
            self._hosts.check(host)
            self._origins.check(headers.get("origin"), _site(scope, headers, self._guarded), host)
        except Forbidden as error:
            await refuse(error, scope, receive, send)
            return
        await self._app(scope, receive, send)


def _site(scope: Scope, headers: Headers, guarded: tuple[str, ...]) -> str | None:
    """Sec-Fetch-Site where it counts: what changes something, and what lies behind the API."""
    harmless = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
    if harmless and not scope["path"].startswith(guarded):
        return None
    return headers.get("sec-fetch-site")
