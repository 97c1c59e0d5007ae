"""Token buckets on a clock that the test moves."""

import pytest

from avatar_contract.errors import RateLimited
from gateway.edge.rate import Buckets, Rate, address_key


class Clock:
    """A clock the test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_then_the_rate() -> None:
    clock = Clock()
    buckets = Buckets(Rate(per_s=2, burst=3), clock)
    for _ in range(3):
        buckets.take("a")
    with pytest.raises(RateLimited) as limited:
        buckets.take("a")
    assert limited.value.retry_after_s == pytest.approx(0.5)
    buckets.take("b")
    clock.now += 0.5
    buckets.take("a")


def test_a_debt_has_to_be_waited_for() -> None:
    clock = Clock()
    buckets = Buckets(Rate(per_s=10, burst=20), clock)
    buckets.charge("a", 100)
    with pytest.raises(RateLimited) as limited:
        buckets.check("a")
    assert limited.value.retry_after_s == pytest.approx(8.1)
    clock.now += 8.2
    buckets.check("a")


def test_a_cost_above_the_burst_is_possible_once() -> None:
    buckets = Buckets(Rate(per_s=1, burst=5), Clock())
    buckets.take("a", 50)
    with pytest.raises(RateLimited):
        buckets.take("a")


def test_the_table_is_bounded() -> None:
    buckets = Buckets(Rate(per_s=1, burst=5), Clock(), max_keys=100)
    for n in range(10_000):
        buckets.take(str(n))
    assert len(buckets) == 100


@pytest.mark.parametrize(
    ("client", "key"),
    [
        (("192.168.1.7", 5), "192.168.1.7"),
        (("2001:db8:1:2:3:4:5:6", 5), "2001:db8:1:2::/64"),
        (("::ffff:10.0.0.1", 5), "10.0.0.1"),
        (("fe80::1%eth0", 5), "fe80::/64"),
        (("testclient", 5), "testclient"),
        (None, "unknown"),
    ],
)
def test_what_counts_as_one_address(client: tuple[str, int] | None, key: str) -> None:
    assert address_key(client) == key
