"""Whisper base, the real weights: one model and one service for the whole session.

What these hold: the short window hears what the whole one does, for less; nothing is invented;
Chinese is written as people do. Figures over a larger corpus: `bench/real`.
"""

import asyncio
import json
import time
import wave
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from avatar_cli.models import catalogue, packed
from avatar_cli.models.store import Store
from stt_service.app import make_app
from stt_service.backends.base import Hints
from stt_service.backends.short_window import RATE, Said, ShortWindow, Unwanted, Wish
from stt_service.backends.whisper_worker import Job, Load, Whisper
from stt_service.settings import SttSettings
from stt_service.words.normal import normalised
from stt_service.words.script import in_script

KOKORO = Path(__file__).parent.parent / "data" / "kokoro"
WORDS = json.loads((KOKORO / "words.json").read_text("utf-8"))
HINTS = Hints()
EITHER = Wish(among=("zh", "en"))

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="session")]


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    """AVATAR_HOME with the weights, unpacked as `avatar up` does."""
    folder = tmp_path_factory.mktemp("real")
    packed.prepare(catalogue.load().get("base"), Store(folder / "models"), lambda *_: None)
    return folder


@pytest.fixture(scope="session")
def model(home):
    from faster_whisper import WhisperModel

    folder = str(home / "models" / "base")
    return WhisperModel(folder, device="cpu", compute_type="int8", cpu_threads=1)


@pytest.fixture(scope="session")
def short(model):
    return ShortWindow(model, 8.0)


@pytest.fixture(scope="session")
def whole(model):
    return ShortWindow(model, 30.0)


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def whisper(home, serving_app):
    settings = SttSettings(
        backend="faster_whisper", model="base", home=home, device="cpu", threads=1
    )
    async with serving_app(make_app(settings)) as running:
        await running.ready()
        yield running


def pcm_of(name: str) -> bytes:
    with wave.open(str(KOKORO / f"{name}.wav")) as clip:
        return clip.readframes(clip.getnframes())


def samples_of(pcm: bytes):
    return np.frombuffer(pcm, np.int16).astype(np.float32) / 32768


def plain(text: str) -> str:
    """Without marks and script, so that only other words differ; three and 3 are the same."""
    return normalised(in_script(text, "zh-TW")).replace("3", "three")


def distance(wanted: str, found: str) -> int:
    """Levenshtein's, in characters."""
    row = list(range(len(found) + 1))
    for n, one in enumerate(wanted, 1):
        before, row[0] = row[0], n
        for k, other in enumerate(found, 1):
            before, row[k] = row[k], min(row[k] + 1, row[k - 1] + 1, before + (one != other))
    return row[-1]


@pytest.fixture(scope="session")
def speech():
    """Sounds and their words. Few, for the whole window is slow; `bench/real` has the corpus."""
    return [(samples_of(pcm_of(name)), WORDS[name]) for name in ("zh-00", "zh-08", "en-07")]


async def test_the_short_window_hears_what_the_whole_one_does_for_less(short, whole, speech):
    """Side by side, so that a busy machine slows both; the processor's time, not the clock's."""
    wrong, took = {short: 0, whole: 0}, {short: 0.0, whole: 0.0}
    for audio, text in speech:
        for window in (short, whole):
            began = time.process_time()
            said = window.look(audio, EITHER)
            took[window] += time.process_time() - began
            wrong[window] += distance(plain(text), plain(said.text))
    length = sum(len(plain(text)) for _, text in speech)
    assert wrong[short] <= wrong[whole] + 0.02 * length
    assert wrong[short] <= 0.12 * length
    assert took[short] <= 0.5 * took[whole]


async def test_a_look_that_repeats_itself_is_taken_with_the_whole_window(model, monkeypatch):
    """Which sound does it depends on the machine's arithmetic, so that is scripted."""
    recogniser = Whisper(model, Load("", "cpu", "int8", 1, 1, 0.6))
    looped = Said("fail better. fail better. fail better.", "en", 1.0, -0.1, 0.0)
    monkeypatch.setattr(recogniser.window, "look", lambda *_: looped)
    answer = recogniser.transcribe(Job(language="en"), pcm_of("en-07"))
    assert answer["text"].startswith("Remind me to call")
    glance = recogniser.transcribe(Job(language="en", beam=1), pcm_of("en-07"))
    assert glance["text"] == ""
    assert recogniser.transcribe(Job(language="en"), pcm_of("en-07"), lambda: True) == {}


async def test_an_unwanted_look_ends_between_two_steps(short):
    with pytest.raises(Unwanted):
        short.look(samples_of(pcm_of("en-07")), EITHER, stopped=lambda: True)


@pytest.mark.parametrize("name", ["zh-00", "zh-08"])
async def test_noisy_chinese_stays_chinese(short, name):
    audio = samples_of(pcm_of(name))
    noise = np.random.default_rng(3).standard_normal(len(audio))
    noisy = audio + noise * np.sqrt(np.mean(audio**2)) * 10 ** (-10 / 20)
    said = short.look(noisy.astype(np.float32), EITHER)
    assert said.language == "zh"
    assert said.sure < 1.0


async def test_a_given_language_is_not_guessed(short):
    assert short.look(samples_of(pcm_of("zh-00")), Wish(language="zh")).sure == 1.0


async def test_words_have_times(short):
    audio = samples_of(pcm_of("en-07"))
    words = short.timed(audio, short.look(audio, EITHER))
    starts = [start for _, start, _ in words]
    assert [word.strip() for word, _, _ in words][:3] == ["Remind", "me", "to"]
    assert starts == sorted(starts)
    assert 0 <= starts[0] < starts[-1] < len(audio) / RATE


@pytest.mark.parametrize("kind", ["silence", "noise", "clicks", "hum", "loud noise"])
async def test_nothing_is_invented(whisper, kind):
    """Straight to the recogniser, as if the voice detector had let it through."""
    random, count = np.random.default_rng(5), 2 * RATE
    white = random.standard_normal(count)
    sound = {
        "silence": 1e-4 * white,
        "noise": 0.02 * white,
        "loud noise": 0.2 * white,
        "clicks": np.where(random.random(count) < 6 / RATE, 0.6, 0.0),
        "hum": 0.1 * np.sin(2 * np.pi * 120 * np.arange(count) / RATE),
    }[kind]
    recogniser = whisper.app.state.service.recogniser
    for seconds in (0.6, 2.0):
        pcm = (sound[: int(seconds * RATE)] * 32767).clip(-32767, 32767).astype("<i2").tobytes()
        dictation = await recogniser.listen(HINTS)
        dictation.feed(pcm)
        assert (await dictation.settle()).text == ""
        await dictation.close()


async def test_chinese_is_heard_and_written_as_people_do(whisper):
    async with whisper.socket() as socket:
        await socket.configure(turn_detection="server_vad")
        await socket.audio(bytes(16_000) + pcm_of("zh-00") + bytes(64_000))
        final = await socket.ending()
        assert final.language == "zh"
        assert final.text == "今天天氣怎麼樣？"


@pytest.mark.parametrize(("first", "second"), [("zh-06", "en-07"), ("en-07", "zh-08")])
async def test_a_second_language_mid_sentence_ends_in_one_final(whisper, first, second):
    """Without a pause between them. The end is clear and the words of one language are right.

    Not that of both: Whisper base leaves out or translates the other, with either window.
    """
    before = pcm_of(first)
    joint = before[: len(before) // 2 // 8 * 7 * 2] + pcm_of(second)
    async with whisper.socket() as socket:
        await socket.configure(turn_detection="server_vad")
        await socket.audio(bytes(16_000) + joint + bytes(64_000))
        final = await socket.ending()
    assert final.type == "final"
    assert "call my mother" in final.text


async def test_two_people_at_once_are_both_answered(whisper):
    async def say(name: str) -> str:
        async with whisper.socket() as socket:
            await socket.configure(turn_detection="server_vad")
            await socket.audio(bytes(16_000) + pcm_of(name) + bytes(64_000))
            return (await socket.ending()).text

    english, chinese = await asyncio.gather(say("en-07"), say("zh-08"))
    assert distance(plain(WORDS["en-07"]), plain(english)) <= 2
    assert distance(plain(WORDS["zh-08"]), plain(chinese)) <= 2


async def test_a_recording_is_heard_in_stretches_with_times(whisper):
    gap = bytes(2 * 32_000)
    pcm = gap + pcm_of("en-07") + gap + pcm_of("zh-00") + gap
    said = await whisper.app.state.service.recogniser.transcribe(pcm, HINTS)
    assert len(said.stretches) == 2
    english, chinese = said.stretches
    assert english.text.startswith("Remind me")
    assert plain(chinese.text) == plain(WORDS["zh-00"])
    assert 1500 < english.words[0].start_ms < english.words[-1].end_ms < chinese.words[0].start_ms


async def test_half_a_minute_without_a_pause_loses_nothing(whisper, clips):
    """Longer than one look takes: cut where it is quiet, and every piece is heard."""
    names = ("time", "weather", "coffee", "homework", "hello", "story")
    pcm = b"".join(clips.pcm(name)[:-16_000] for name in (*names, *names, *names))
    recogniser = whisper.app.state.service.recogniser
    dictation = await recogniser.listen(Hints("en"))
    dictation.feed(pcm)
    said = await dictation.settle()
    await dictation.close()
    wanted = normalised(" ".join(clips.text(name) for name in (*names, *names, *names)))
    assert len(pcm) / 32_000 > 25
    assert len(said.stretches) > 1
    assert distance(wanted, normalised(said.text)) <= 0.25 * len(wanted)
