"""Clauses, polish and the reference's checks: pure functions."""

import numpy as np
import pytest

from tts_service.clauses import clauses
from tts_service.espeak.measure import measure
from tts_service.pace import misfit
from tts_service.polish import cleaned, pcm, without_silence
from tts_service.stretch import Stretcher
from tts_service.voices import VoiceSample, VoiceStore

RATE = 24_000


def _tone(seconds: float, level: float = 0.3) -> np.ndarray:
    time = np.arange(int(seconds * RATE)) / RATE
    return (level * np.sin(2 * np.pi * 220 * time)).astype(np.float32)


def _silence(seconds: float) -> np.ndarray:
    return np.zeros(int(seconds * RATE), np.float32)


@pytest.mark.parametrize(
    ("text", "limit", "pieces"),
    [
        ("One. Two. Three.", 100, ["One. Two. Three."]),
        ("One two. Three four.", 12, ["One two.", "Three four."]),
        ("今天很好。明天也好。", 20, ["今天很好。", "明天也好。"]),
        ("abcdefghij klm", 6, ["abcdef", "ghij", "klm"]),
        ("……。！", 20, []),
        ("", 20, []),
    ],
)
def test_clauses(text, limit, pieces):
    assert clauses(text, limit) == pieces


@pytest.mark.parametrize("limit", [3, 7, 40, 1000])
def test_clauses_fit_and_lose_no_word(limit):
    text = "今天天氣很好，我們去公園。Then we went home, slowly; and it rained! 好嗎？"
    pieces = clauses(text, limit)
    assert max(len(piece.encode()) for piece in pieces) <= max(limit, 4)
    kept = "".join(c for piece in pieces for c in piece if c.isalnum())
    assert kept == "".join(c for c in text if c.isalnum())


@pytest.mark.parametrize(
    ("words", "seconds", "fits"),
    [
        ("Some call me nature, others call me mother nature.", 5.3, True),
        ("Well, so much for that.", 6.0, True),
        ("And then he said that he would never ever do it again, not for the world.", 3.0, True),
        ("我們今天天氣很好，大家一起去公園走走吧。", 5.0, True),
        ("今天", 2.0, True),
        ("a.", 10.0, False),
        ("好", 8.0, False),
        ("These are the words of quite another and much longer recording. " * 5, 5.0, False),
        ("這是另外一段錄音的文字，比說的多得多。" * 6, 5.0, False),
    ],
)
def test_words_that_cannot_be_a_recordings_are_told(words, seconds, fits):
    told = misfit(words, seconds)
    assert (told is None) is fits
    assert fits or f"{seconds:.1f} s" in told


def test_silence_goes_from_the_ends_and_long_pauses_are_shortened():
    parts = [_silence(1), _tone(1), _silence(1.5), _tone(0.5), _silence(2)]
    kept = without_silence(np.concatenate(parts), RATE)
    assert len(kept) / RATE == pytest.approx(1.8, abs=0.1)
    assert np.abs(kept[:480]).max() > 0.1


def test_nothing_but_silence_is_empty():
    assert without_silence(_silence(2), RATE).size == 0
    assert without_silence(_silence(0.001), RATE).size == 0


def test_cleaned_is_even_quiet_at_its_ends_and_without_rumble():
    time = np.arange(RATE) / RATE
    rumble = (0.5 * np.sin(2 * np.pi * 20 * time)).astype(np.float32)
    tidy = cleaned(_tone(1, 0.02) + rumble, RATE)
    assert np.sqrt(np.mean(tidy**2)) == pytest.approx(0.1, rel=0.05)
    assert tidy[0] == pytest.approx(0, abs=1e-6)
    assert np.abs(np.fft.rfft(tidy)[20]) < 1
    assert np.abs(tidy).max() <= 0.9
    assert cleaned(_silence(0), RATE).size == 0


def test_samples_that_are_no_numbers_are_never_sent():
    with pytest.raises(ValueError, match="no numbers"):
        pcm(np.array([0.0, np.nan]))
    assert pcm(np.array([2.0, -2.0])) == b"\xff\x7f\x01\x80"


def test_a_stretched_stream_keeps_its_pitch():
    stretcher = Stretcher(0.5, RATE)
    sound = (_tone(2) * 32767).astype(np.int16)
    parts = [stretcher.put(sound[at : at + 999]) for at in range(0, len(sound), 999)]
    slow = np.concatenate([*parts, stretcher.put(sound[:0], last=True)])
    assert len(slow) / len(sound) == pytest.approx(2.0, rel=0.05)
    spectrum = np.abs(np.fft.rfft(slow))
    assert np.argmax(spectrum) * RATE / len(slow) == pytest.approx(220, rel=0.02)


@pytest.mark.parametrize("f0", [80.0, 120.0, 200.0, 300.0])
def test_measured_pitch_is_the_pulse_rate(voiced_wav, f0):
    pcm = voiced_wav(f0)[44:]
    assert measure(np.frombuffer(pcm, np.int16), 16_000).pitch == pytest.approx(f0, rel=0.01)


def test_measured_spacing_is_the_tubes(voiced_wav):
    pcm = voiced_wav(110.0, formants=(550, 1650, 2750, 3850))[44:]
    assert measure(np.frombuffer(pcm, np.int16), 16_000).spacing == pytest.approx(1100, rel=0.03)


def _sample(voice_id: str, size: int = 10) -> VoiceSample:
    return VoiceSample(voice_id, "e", b"x" * size, "")


def test_the_store_pushes_out_the_least_recently_used():
    store = VoiceStore(max_voices=2, max_bytes=1000)
    assert store.put(_sample("a")) + store.put(_sample("b")) == []
    store.find("a@e")
    assert store.put(_sample("c")) == ["b"]
    assert [voice.id for voice in store.all()] == ["a", "c"]


def test_the_store_is_bounded_in_bytes():
    store = VoiceStore(max_voices=9, max_bytes=25)
    pushed = [store.put(_sample(name)) for name in "abc"]
    assert pushed == [[], [], ["a"]]
