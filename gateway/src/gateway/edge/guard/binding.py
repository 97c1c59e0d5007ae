"""Without a key the gateway is for this machine alone."""

import ipaddress

from gateway.edge.guard.auth import AuthMode


class UnsafeBindingError(ValueError):
    """The settings would open the gateway to the network without a key."""


def check_binding(auth: AuthMode, host: str, *, published_on_loopback: bool = False) -> None:
    """Raise `UnsafeBindingError` for AUTH=none on an address that others can reach.

    A container has to listen on all of its addresses; there `published_on_loopback` states that
    its port is published on 127.0.0.1 only.
    """
    if auth is AuthMode.API_KEY or published_on_loopback or is_loopback(host):
        return
    raise UnsafeBindingError(
        f"AUTH=none would open AVATAR to everybody who can reach {host}. Either listen on "
        "127.0.0.1 (AVATAR_HOST=127.0.0.1), or set AUTH=api_key and AVATAR_API_KEY. In a container "
        "whose port is published on 127.0.0.1 only, set PUBLISHED_ON_LOOPBACK=true."
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
