"""Kokoro's parts that need no weights: phonemes, pieces, seams, the nearest voice."""

import json
from importlib.resources import files

import numpy as np
import pytest
from pypinyin import Style, pinyin

from tts_service.espeak.measure import Speaker
from tts_service.kokoro import styles
from tts_service.kokoro.mandarin import Mandarin, syllable
from tts_service.kokoro.pieces import pieces
from tts_service.kokoro.sound import RATE, joined

VOCABULARY = json.loads(files("tts_service.kokoro").joinpath("vocabulary.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def mandarin():
    return Mandarin()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("銀行", "yin2 hang2"),
        ("音樂", "yin1 yue4"),
        ("還沒有歸還", "hai2 mei2 you3 gui1 huan2"),
        ("重新", "chong2 xin1"),
        ("二〇二五", "er4 ling2 er4 wu3"),
        ("頭髮", "tou2 fa4"),
        ("乾 髮 隻", "gan1 fa4 zhi1"),
        ("发展", "fa1 zhan3"),
        ("好的", "hao3 de5"),
    ],
)
def test_traditional_text_has_the_readings_of_its_words(mandarin, text, said):
    """misaki alone reads 銀行 as yin2 xing2 and 音樂 as yin1 le4."""
    wanted = "".join(syllable(one) for one in said.split())
    assert mandarin.phonemes(text).replace(" ", "") == wanted


def test_marks_stay_because_the_model_takes_its_pauses_from_them(mandarin):
    assert mandarin.phonemes("好，好！「好」。").translate({ord(c): None for c in "xau↓"}) == (
        ", ! “” ."
    )


def test_every_reading_of_every_character_can_be_said():
    letters = [chr(code) for code in range(0x4E00, 0xA000)]
    readings = {
        reading
        for letter in letters
        for each in pinyin(
            letter,
            style=Style.TONE3,
            neutral_tone_with_five=True,
            heteronym=True,
            errors="ignore",
        )
        for reading in each
    }
    assert len(readings) > 1000
    assert {sign for reading in readings for sign in syllable(reading)} <= set(VOCABULARY)


def test_pieces_are_cut_at_marks_and_nothing_is_lost():
    text = "one two three, " * 30 + "a" * 700 + " four five " * 40
    cut = pieces(text)
    assert all(len(piece) <= 220 for piece in cut)
    assert len(cut[0]) <= 120
    assert all(piece.endswith(",") for piece in cut[:2])
    assert "".join("".join(cut).split()) == "".join(text.split())


@pytest.mark.parametrize("text", ["", " ", "a", "a, b.", "你" * 100, ",,,", "a" * 5000])
def test_pieces_of_odd_texts(text):
    cut = pieces(text)
    assert "".join("".join(cut).split()) == "".join(text.split())


def _tone(before_s: float, voiced_s: float, after_s: float) -> np.ndarray:
    voiced = 0.4 * np.sin(2 * np.pi * 200 * np.arange(int(voiced_s * RATE)) / RATE)
    silence = [np.zeros(int(seconds * RATE)) for seconds in (before_s, after_s)]
    return np.concatenate((silence[0], voiced, silence[1])).astype(np.float32)


@pytest.mark.parametrize(("mark", "pause_s"), [(",", 0.12), (".", 0.28), ("", 0.02), (".”", 0.28)])
def test_silence_of_the_model_goes_and_the_pause_of_the_mark_comes(mark, pause_s):
    sound = joined(_tone(0.37, 0.5, 0.6), f"abc{mark}")
    assert len(sound) / RATE == pytest.approx(0.02 + 0.5 + 0.04 + pause_s, abs=0.021)


def test_a_seam_does_not_click():
    """Sound that is cut off loud, as the end of a run of the graph may be."""
    sound = joined(_tone(0, 0.5, 0)[: RATE // 2 - 30], "abc")
    assert abs(sound[0]) < 0.001
    assert np.abs(np.diff(sound)).max() < 0.03


def test_silence_alone_is_a_short_pause():
    assert len(joined(np.zeros(RATE, np.float32), "abc.")) < RATE / 10


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(("pitch", "spacing", "sex"), [(105, 980, "m"), (215, 1050, "f")])
def test_the_nearest_voice_is_of_the_language_and_shifted_no_more_than_a_little(
    language, pitch, spacing, sex
):
    near = styles.nearest(Speaker(pitch, spacing), language)
    assert styles.language_of(near.name).startswith(language)
    assert near.name[1] == sex
    assert abs(near.shift) <= styles.MAX_SHIFT
    assert styles.measured()[near.name].pitch * near.ratio == pytest.approx(pitch, rel=0.05)


def test_every_voice_is_known_by_language_and_sex():
    assert len(styles.measured()) == 54
    assert {name[0] for name in styles.measured()} == set(styles.LANGUAGES)
    assert {name[1:3] for name in styles.measured()} == {"f_", "m_"}
