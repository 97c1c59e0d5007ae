"""Token buckets per address, in a table that does not grow with the number of attackers."""

import ipaddress
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from avatar_contract.errors import RateLimited


@dataclass(frozen=True, slots=True)
class Rate:
    """`per_s` tokens a second come back, up to `burst`."""

    per_s: float
    burst: float


class Buckets:
    """One bucket a key; at most `max_keys`, the longest unused goes first.

    A forgotten key begins with a full bucket, so with `max_keys` addresses an attacker gains a
    fresh burst; the table's size, not the number of attackers, bounds memory.
    """

    def __init__(self, rate: Rate, clock: Callable[[], float], max_keys: int = 10_000) -> None:
        self._rate = rate
        self._clock = clock
        self._max_keys = max_keys
        self._table: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._table)

    def take(self, key: str, cost: float = 1.0) -> None:
        """Take `cost` tokens or raise `RateLimited`, which says when there will be enough.

        A cost above the burst is taken from a full bucket, and leaves a debt to wait for.
        """
        tokens = self._tokens(key)
        needed = min(cost, self._rate.burst)
        if tokens < needed:
            raise self._limited(needed - tokens)
        self._store(key, tokens - cost)

    def check(self, key: str) -> None:
        """Raise `RateLimited` when not one token is left; takes none."""
        tokens = self._tokens(key)
        if tokens < 1:
            raise self._limited(1 - tokens)

    def charge(self, key: str, cost: float = 1.0) -> None:
        """Take `cost` tokens of something that has happened already; may leave a debt."""
        self._store(key, self._tokens(key) - cost)

    def _tokens(self, key: str) -> float:
        if key not in self._table:
            return self._rate.burst
        tokens, at = self._table[key]
        return min(self._rate.burst, tokens + (self._clock() - at) * self._rate.per_s)

    def _store(self, key: str, tokens: float) -> None:
        self._table[key] = (tokens, self._clock())
        self._table.move_to_end(key)
        while len(self._table) > self._max_keys:
            self._table.popitem(last=False)

    def _limited(self, missing: float) -> RateLimited:
        wait = missing / self._rate.per_s
        return RateLimited(
            f"Too many requests from this address. Try again in {max(1, round(wait))} s.",
            retry_after_s=round(max(wait, 0.1), 1),
        )


def address_key(client: tuple[str, int] | list[object] | None) -> str:
    """The key of an ASGI `client`: an IPv4 address, or the /64 that an IPv6 host owns."""
    if not client:
        return "unknown"
    host = str(client[0])
    try:
        address = ipaddress.ip_address(host.split("%", maxsplit=1)[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))
