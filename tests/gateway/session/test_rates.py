"""A reply whose clauses come at different sample rates: one sound at one rate, of its length."""

from __future__ import annotations

import numpy as np
import pytest

from avatar_contract.audio import pcm_ms
from avatar_contract.errors import TtsUnavailable
from gateway.session import effects as do
from gateway.session import inputs as on
from gateway.session import outputs as out

PITCH = 440
PIECE = 0.1
"""Seconds of sound in a piece of a stream."""


def tone(seconds: float, rate: int) -> bytes:
    at = np.arange(int(seconds * rate))
    return (np.sin(at * (2 * np.pi * PITCH / rate)) * 9000).astype("<i2").tobytes()


def speaks(sim, clause: int, rate: int, seconds: float = 1.0, *, fails: bool = False) -> None:
    """The voice engine speaks a clause, a tone, piece by piece."""
    ask = next(ask for ask in sim.effects(do.Speak) if ask.clause == clause)
    sim.send(on.SpeechOpened(ask.key, clause, rate))
    sound, step = tone(seconds, rate), int(PIECE * rate) * 2
    for first in range(0, len(sound), step):
        sim.send(on.SpeechPiece(ask.key, clause, sound[first : first + step]))
    if fails:
        sim.send(on.SpeechFailed(ask.key, clause, TtsUnavailable("The voice engine broke off.")))
    else:
        sim.send(on.SpeechEnded(ask.key, clause))


def pitch(pcm: bytes, rate: int) -> float:
    """The strongest frequency, Hz."""
    sound = np.frombuffer(pcm, "<i2").astype(float)
    strength = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    return float(strength.argmax() * rate / len(sound))


@pytest.mark.parametrize("rates", [(24_000, 16_000), (16_000, 24_000), (22_050, 48_000)])
def test_what_is_stored_and_sent_is_of_one_rate_and_pitch(sim, rates: tuple[int, int]) -> None:
    sim.type("hello")
    sim.model_writes("This is the first one. And this is the second one.")
    for clause, rate in enumerate(rates):
        speaks(sim, clause, rate)
    sim.wait(10_000)
    stored = [effect for effect in sim.effects(do.Store) if effect.ai_pcm][-1]
    assert stored.ai_rate == rates[0]
    assert pcm_ms(len(stored.ai_pcm), rates[0]) == pytest.approx(2000, abs=2)
    half = rates[0] * 2  # bytes of a second
    for second in (stored.ai_pcm[:half], stored.ai_pcm[half:]):
        assert pitch(second, rates[0]) == pytest.approx(PITCH, abs=3)
    sent = sim.heard_by_client(out.ClauseSound)
    assert b"".join(sound.pcm for sound in sent) == stored.ai_pcm
    told = [*sent, *sim.heard_by_client(out.ClauseStarted), *sim.heard_by_client(out.SoundEnded)]
    assert {message.sample_rate for message in told} == {rates[0]}


def test_a_later_clause_that_opens_first_gives_the_rate(sim) -> None:
    sim.type("hello")
    sim.model_writes("This is the first one. And this is the second one.")
    speaks(sim, 1, 16_000)
    speaks(sim, 0, 24_000)
    sim.wait(10_000)
    stored = [effect for effect in sim.effects(do.Store) if effect.ai_pcm][-1]
    assert stored.ai_rate == 16_000
    assert pcm_ms(len(stored.ai_pcm), 16_000) == pytest.approx(2000, abs=2)
    assert [c.text for c in sim.heard_by_client(out.ClauseStarted)] == [
        "This is the first one.",
        "And this is the second one.",
    ]


def test_a_clause_that_breaks_off_keeps_what_was_said_of_it(sim) -> None:
    sim.type("hello")
    sim.model_writes("This is the first one. And this is the second one.")
    speaks(sim, 0, 24_000)
    speaks(sim, 1, 16_000, 0.5, fails=True)
    sim.wait(10_000)
    stored = [effect for effect in sim.effects(do.Store) if effect.ai_pcm][-1]
    assert pcm_ms(len(stored.ai_pcm), 24_000) == pytest.approx(1500, abs=2)


def test_it_is_told_again_to_a_client_that_comes_back(sim) -> None:
    sim.type("hello")
    sim.model_writes("This is the first one. And this is the second one.")
    speaks(sim, 0, 24_000)
    speaks(sim, 1, 16_000)
    sim.said.clear()
    turn = sim.c.turn
    sim.send(on.ClientDetached())
    sim.send(on.ClientAttached(turn.turn_id, turn.revision, 1000.0, retell=True))
    again = sim.heard_by_client(out.ClauseSound)
    assert {sound.sample_rate for sound in again} == {24_000}
    pcm = b"".join(sound.pcm for sound in again)
    assert pcm_ms(len(pcm), 24_000) == pytest.approx(1000, abs=2)
    assert pitch(pcm, 24_000) == pytest.approx(PITCH, abs=3)
