"""The endpointer alone: pure, window by window."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stt_service.hearing.endpoint import Endpointer, Signal, Tuning, VoiceActivity

LOUD, QUIET = (-20.0,) * 4, (-70.0,) * 4


def signals(windows, *, wait_ms=300.0, pause_ms=64.0, tuning=None):
    """What happens when: `(window number, signal)`. A window is (voice, levels)."""
    endpointer = Endpointer(tuning or Tuning(), wait_ms=wait_ms, pause_ms=pause_ms)
    found = []
    for n, (voice, levels) in enumerate(windows):
        found += [
            (n, one) for one in endpointer.step(VoiceActivity(n * 32.0, voice, levels, -65.0))
        ]
    return found


def test_two_voiced_windows_start_and_silence_ends():
    found = signals([(0.9, LOUD)] * 4 + [(0.0, QUIET)] * 12)
    assert found == [
        (1, Signal.STARTED),
        (4, Signal.DIPPED),
        (5, Signal.PAUSED),
        (13, Signal.ENDED),
    ]


def test_a_click_is_not_speech():
    assert signals([(0.9, LOUD), (0.1, LOUD), (0.0, QUIET)] * 5) == []


def test_energy_falls_before_the_models_verdict():
    """The model says voice for two windows more; the pause does not wait for it."""
    lagging = [(0.9, LOUD)] * 4 + [(0.9, QUIET), (0.7, QUIET), (0.1, QUIET)]
    assert (5, Signal.PAUSED) in signals(lagging)


def test_a_flickering_verdict_is_one_utterance():
    flicker = [(0.9, LOUD)] * 3 + [(0.4, LOUD)] * 3 + [(0.9, LOUD)] * 3
    assert [signal for _, signal in signals(flicker)] == [Signal.STARTED]


def test_voice_after_a_pause_resumes():
    found = signals([(0.9, LOUD)] * 3 + [(0.0, QUIET)] * 4 + [(0.9, LOUD)] * 2)
    assert [s for _, s in found][-1] is Signal.RESUMED


def test_the_last_voiced_sound_is_found_inside_a_window():
    endpointer = Endpointer(Tuning(), wait_ms=300, pause_ms=64)
    for n in range(3):
        endpointer.step(VoiceActivity(n * 32.0, 0.9, LOUD, -65))
    endpointer.step(VoiceActivity(96.0, 0.9, (-20.0, -70.0, -70.0, -70.0), -65))
    assert endpointer.last_voiced_ms == 96 + 8


def test_the_padded_start_reaches_back_to_the_first_sound():
    endpointer = Endpointer(Tuning(), wait_ms=300, pause_ms=64)
    for n in range(20):
        endpointer.step(VoiceActivity(n * 32.0, 0.0, QUIET, -65, gated=True))
    for n in range(20, 24):  # a soft consonant that the model does not hear yet
        endpointer.step(VoiceActivity(n * 32.0, 0.1, (-40.0,) * 4, -65))
    for n in range(24, 26):
        endpointer.step(VoiceActivity(n * 32.0, 0.9, LOUD, -65))
    assert endpointer.speaking
    assert endpointer.started_ms == 640 - 300


@given(st.lists(st.tuples(st.floats(0, 1), st.sampled_from([LOUD, QUIET])), max_size=200))
def test_starts_and_ends_alternate(windows):
    kinds = [s for _, s in signals(windows) if s in (Signal.STARTED, Signal.ENDED)]
    assert kinds == [Signal.STARTED, Signal.ENDED] * (len(kinds) // 2) + [Signal.STARTED] * (
        len(kinds) % 2
    )


@pytest.mark.parametrize("wait_ms", [150, 500, 2000])
def test_the_wait_is_kept_to_a_window(wait_ms):
    windows = [(0.9, LOUD)] * 5 + [(0.0, QUIET)] * 80
    ended = next(n for n, signal in signals(windows, wait_ms=wait_ms) if signal is Signal.ENDED)
    assert wait_ms <= (ended + 1 - 5) * 32 < wait_ms + 32
