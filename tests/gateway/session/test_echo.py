"""The reply mixed into the microphone is no interruption; a person over it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from avatar_contract.audio import read_wav
from gateway.session.echo import is_echo

SPEECH = Path(__file__).parents[2] / "data" / "speech"


def speech(name: str) -> np.ndarray:
    pcm, rate, channels = read_wav((SPEECH / f"{name}.wav").read_bytes())
    assert (rate, channels) == (16000, 1)
    return np.frombuffer(pcm, np.int16).astype(np.float64)


def pcm(samples: np.ndarray) -> bytes:
    return np.clip(samples, -32768, 32767).astype(np.int16).tobytes()


def noise(samples: np.ndarray, below_db: float) -> np.ndarray:
    """White noise that many dB below `samples`."""
    level = np.sqrt(np.mean(samples**2)) * 10 ** (-below_db / 20)
    return np.random.default_rng(7).normal(0, level, len(samples))


@pytest.mark.parametrize("delay_ms", [50, 100, 200, 300])
def test_the_reply_at_minus_20_db_is_an_echo(delay_ms: int) -> None:
    reply = speech("weather")
    at = 16 * 900
    echo = reply[at - 16 * delay_ms : at - 16 * delay_ms + 16 * 600] * 0.1
    microphone = echo + noise(echo, 20)
    played = reply[at - 16 * 700 : at + 16 * 900]
    assert is_echo(pcm(microphone), pcm(played), 16000)


@pytest.mark.parametrize("name", ["story", "sum", "homework", "stop"])
def test_a_person_is_no_echo(name: str) -> None:
    played = speech("weather")[: 16 * 1800]
    for at in range(0, len(speech(name)) - 16 * 600, 1600):
        heard = speech(name)[at : at + 16 * 600]
        heard = heard + np.random.default_rng(1).normal(0, 30, len(heard))
        assert not is_echo(pcm(heard), pcm(played), 16000)


def test_a_person_over_the_echo_is_no_echo() -> None:
    reply, person = speech("weather"), speech("stop")
    window = slice(16 * 300, 16 * 900)
    microphone = reply[window] * 0.1 + person[window]
    assert not is_echo(pcm(microphone), pcm(reply[: 16 * 1800]), 16000)


def test_silence_and_scraps_are_no_echo() -> None:
    played = pcm(speech("weather")[: 16 * 1800])
    assert not is_echo(bytes(2 * 16 * 600), played, 16000)
    assert not is_echo(b"", played, 16000)
    assert not is_echo(played[:9600], b"", 24000)
