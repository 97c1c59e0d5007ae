"""Nothing leaves the premises by accident: which addresses a backend may call."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

from avatar_contract.errors import Forbidden


def check_private(url: str, *, allow_public: bool) -> None:
    """Refuses `url` unless every address its host resolves to is in a private network.

    A name that does not resolve is let through: it can't be reached either, and in compose a
    service may start before its neighbour's name exists.

    Raises:
        Forbidden: a public address, and `allow_public` is false.
    """
    host = urlsplit(url).hostname
    if not host:
        raise Forbidden(f"{url!r} is not an address: give it as http://host:port.")
    if allow_public:
        return
    for address in _addresses(host):
        if address.is_global:
            raise Forbidden(
                f"{host} is a public address, and nothing may leave the premises by accident. "
                "Set ALLOW_PUBLIC_ENGINES=true if that is what you want."
            )


def is_public(url: str) -> bool:
    """Whether `url` leads outside private networks."""
    host = urlsplit(url).hostname or ""
    return any(address.is_global for address in _addresses(host))


def _addresses(host: str) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    try:
        return [ipaddress.ip_address(host)]
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except socket.gaierror:
        return []
    return [ipaddress.ip_address(str(entry[4][0]).split("%")[0]) for entry in found]
