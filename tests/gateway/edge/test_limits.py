"""The bounds of one utterance, on a clock that stands still unless told."""

import pytest

from avatar_contract.errors import AudioTimeout, BufferOverflow, TooManyChunks
from gateway.edge.limits import MIB, UtteranceLimits, UtteranceMeter


class Clock:
    """A clock the test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def fill(meter: UtteranceMeter, chunks: int, size: int) -> None:
    """Count `chunks` of `size` bytes each."""
    for _ in range(chunks):
        meter.chunk(size, binary=False)


@pytest.fixture
def meter(clock: Clock) -> UtteranceMeter:
    return UtteranceMeter(UtteranceLimits(), clock)


def test_ten_mib_pass_and_one_byte_more_does_not(meter: UtteranceMeter) -> None:
    for _ in range(10):
        meter.chunk(MIB, binary=False)
    with pytest.raises(BufferOverflow):
        meter.chunk(1, binary=False)


def test_1000_chunks_pass_and_the_next_does_not(meter: UtteranceMeter) -> None:
    for _ in range(1000):
        meter.chunk(640, binary=False)
    with pytest.raises(TooManyChunks):
        meter.chunk(640, binary=False)


def test_binary_frames_are_bounded_by_bytes_and_seconds(meter: UtteranceMeter) -> None:
    for _ in range(1200):
        meter.chunk(3200, binary=True)
        meter.decoded(3200, binary=True)
    with pytest.raises(BufferOverflow, match="120 s"):
        meter.decoded(2, binary=True)
    with pytest.raises(BufferOverflow, match="MiB"):
        meter.chunk(11 * MIB, binary=True)


def test_seconds_bound_binary_only(meter: UtteranceMeter) -> None:
    meter.chunk(640, binary=False)
    meter.decoded(200 * 32_000, binary=False)
    assert meter.is_open


def test_sixty_silent_seconds_end_an_open_utterance(meter: UtteranceMeter, clock: Clock) -> None:
    meter.chunk(640, binary=False)
    clock.now += 59.9
    meter.check_idle()
    meter.chunk(640, binary=False)
    assert meter.due_s == pytest.approx(clock.now + 60)
    clock.now += 61
    with pytest.raises(AudioTimeout):
        meter.check_idle()
    meter.check_idle()


def test_a_chunk_that_comes_too_late_gets_the_timeout(meter: UtteranceMeter, clock: Clock) -> None:
    meter.chunk(640, binary=True)
    clock.now += 61
    with pytest.raises(AudioTimeout):
        meter.chunk(640, binary=True)


def test_no_utterance_no_timer(meter: UtteranceMeter, clock: Clock) -> None:
    meter.check_idle()
    meter.chunk(640, binary=False)
    meter.close()
    clock.now += 1000
    assert meter.due_s is None
    meter.check_idle()


@pytest.mark.parametrize("size", [11 * MIB, 640])
def test_after_an_error_the_next_utterance_is_whole(meter: UtteranceMeter, size: int) -> None:
    with pytest.raises((BufferOverflow, TooManyChunks)):
        fill(meter, 1001, size)
    assert not meter.is_open
    for _ in range(1000):
        meter.chunk(640, binary=False)
