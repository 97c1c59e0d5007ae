"""Which device an engine takes: one policy for speech in and speech out."""

import re

import pytest

from avatar_contract.devices import PATTERN, DeviceMissing, Gpu, choose, instead_of

ONE, LARGE = Gpu(0, 24_000), Gpu(1, 80_000)
BIG, SMALL, FULL = Gpu(0, 24_000, 20_000), Gpu(1, 12_000, 11_000), Gpu(2, 12_000, 500)
NEEDS_MIB = 3000


@pytest.mark.parametrize(
    ("policy", "gpus", "device"),
    [
        ("cpu", [], "cpu"),
        ("cpu", [BIG], "cpu"),
        ("auto", [ONE], "cuda:0"),
        ("auto", [ONE, LARGE], "cuda:0"),
        ("auto", [Gpu(0, 80_000), Gpu(1, 80_000)], "cuda:1"),
        ("auto", [SMALL, BIG], "cuda:1"),
        ("cuda", [ONE, LARGE], "cuda:0"),
        ("cuda:0", [BIG, SMALL], "cuda:0"),
        ("cuda:1", [ONE, LARGE], "cuda:1"),
    ],
)
def test_what_is_asked_for_is_taken_and_nothing_is_told(policy, gpus, device):
    choice = choose(policy, gpus, NEEDS_MIB)
    assert (choice.device, choice.notice, choice.degraded) == (device, None, False)


def test_without_a_gpu_auto_takes_the_cpu_and_says_so():
    choice = choose("auto", [], NEEDS_MIB)
    assert (choice.device, choice.degraded) == ("cpu", False)
    assert "No GPU was found" in choice.notice


def test_a_driver_that_fails_hides_a_gpu_and_is_told():
    choice = choose("auto", [], NEEDS_MIB, failure="nvidia-smi: no driver")
    assert (choice.device, choice.degraded) == ("cpu", True)
    assert choice.notice.startswith("The GPU can't be seen (nvidia-smi: no driver; run `avatar")
    with pytest.raises(DeviceMissing, match=r"\(found: nvidia-smi: no driver\)"):
        choose("cuda", [], NEEDS_MIB, failure="nvidia-smi: no driver")
    assert choose("cpu", [], NEEDS_MIB, failure="nvidia-smi: no driver").notice is None


@pytest.mark.parametrize(
    ("policy", "gpus"),
    [("auto", [BIG, FULL]), ("cuda:2", [BIG, FULL]), ("cuda", [FULL])],
)
def test_a_full_gpu_means_the_cpu_and_is_told(policy, gpus):
    choice = choose(policy, gpus, NEEDS_MIB)
    assert (choice.device, choice.degraded) == ("cpu", True)
    assert choice.notice.startswith("cuda:2 has 500 MiB free and 3000 are needed")
    assert choice.notice == instead_of("cuda:2", "has 500 MiB free and 3000 are needed").notice


@pytest.mark.parametrize(
    ("policy", "gpus", "found"),
    [("cuda", [], "none"), ("cuda:0", [], "none"), ("cuda:5", [ONE, LARGE], "cuda:0, cuda:1")],
)
def test_a_gpu_that_was_asked_for_and_is_absent_is_refused_with_a_remedy(policy, gpus, found):
    with pytest.raises(DeviceMissing) as refused:
        choose(policy, gpus, NEEDS_MIB)
    text = str(refused.value)
    assert f"DEVICE={policy} is not there (found: {found})" in text
    assert "avatar doctor" in text
    assert "DEVICE=auto" in text


@pytest.mark.parametrize("setting", ["auto", "cpu", "cuda", "cuda:0", "cuda:12"])
def test_the_settings_words(setting):
    assert re.search(PATTERN, setting)


@pytest.mark.parametrize("setting", ["gpu", "cuda:", "cuda:x", "CUDA:0", ""])
def test_other_words_are_no_setting(setting):
    assert not re.search(PATTERN, setting)
