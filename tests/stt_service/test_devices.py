"""The device policy."""

import pytest

from avatar_contract.errors import SttUnavailable
from stt_service.backends.devices import Gpu, choose
from stt_service.backends.whisper_worker import explain

ONE, LARGE = Gpu(0, 24_000), Gpu(1, 80_000)


@pytest.mark.parametrize(
    ("policy", "gpus", "device"),
    [
        ("auto", [], "cpu"),
        ("auto", [ONE], "cuda:0"),
        ("auto", [ONE, LARGE], "cuda:0"),
        ("auto", [Gpu(0, 80_000), Gpu(1, 80_000)], "cuda:1"),
        ("cpu", [ONE], "cpu"),
        ("cuda:1", [ONE, LARGE], "cuda:1"),
    ],
)
def test_speech_takes_the_next_after_the_largest(policy, gpus, device):
    assert choose(policy, gpus) == device


@pytest.mark.parametrize("policy", ["cuda:3", "gpu", "cuda:x"])
def test_what_is_not_there_is_told(policy):
    with pytest.raises(SttUnavailable, match="DEVICE"):
        choose(policy, [ONE])


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (RuntimeError("CUDA failed with error out of memory"), "memory of cuda:0 is full"),
        (RuntimeError("CUDA driver version is insufficient"), "avatar doctor"),
        (ValueError("odd"), "avatar models verify"),
    ],
)
def test_failures_say_what_to_do(error, words):
    assert words in explain(error, "cuda:0")
