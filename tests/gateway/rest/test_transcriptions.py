"""Words out of recordings, by the official SDK and a real recogniser."""

import io
import wave
from collections.abc import Callable
from typing import Any

import av
import httpx
import openai
import pytest
from openai import AsyncOpenAI

from avatar_contract.audio import wav_bytes
from avatar_contract.transcription import Segment, TranscriptionVerbose
from gateway.rest.openai import subtitles
from gateway.settings import Settings
from stt_service.settings import SttSettings


def to_webm(wav: bytes) -> bytes:
    """A clip as a browser's recorder would keep it."""
    out = io.BytesIO()
    with av.open(io.BytesIO(wav)) as source, av.open(out, "w", format="webm") as target:
        stream: Any = target.add_stream("libopus", rate=48_000, layout="mono")
        resampler = av.AudioResampler("s16", "mono", 48_000, 960)
        frames = [piece for frame in source.decode(audio=0) for piece in resampler.resample(frame)]
        for frame in [*frames, *resampler.resample(None)]:
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return out.getvalue()


@pytest.fixture
async def words(gateway: Callable, stt: Any) -> Any:
    """`await words(name, data, **options)` through the SDK."""
    async with (
        gateway({"stt": stt.url}) as base,
        AsyncOpenAI(base_url=f"{base}/v1", api_key="-", max_retries=0) as client,
    ):

        async def ask(name: str, data: bytes, **options: Any) -> Any:
            return await client.audio.transcriptions.create(
                model="whisper-1", file=(name, data), **options
            )

        yield ask


async def test_json(words: Any, speech: Callable) -> None:
    assert "hello" in (await words("a.wav", speech("hello"))).text.lower()


async def test_webm_gives_the_same_words(words: Any, speech: Callable) -> None:
    wav = await words("a.wav", speech("weather"), response_format="json", language="en")
    webm = await words("a.webm", to_webm(speech("weather")), language="en")
    assert "weather" in wav.text.lower()
    assert "weather" in webm.text.lower()


async def test_text(words: Any, speech: Callable) -> None:
    assert "time" in (await words("a.wav", speech("time"), response_format="text")).lower()


@pytest.mark.parametrize("form", ["srt", "vtt"])
async def test_subtitles(form: str, words: Any, speech: Callable) -> None:
    text = await words("a.wav", speech("coffee"), response_format=form)
    assert "coffee" in text.lower()
    assert "-->" in text
    assert text.startswith("WEBVTT" if form == "vtt" else "1\n00:00:0")


async def test_verbose(words: Any, speech: Callable) -> None:
    found = await words("a.wav", speech("coffee"), response_format="verbose_json")
    assert "coffee" in found.text.lower()
    assert found.duration == pytest.approx(3.15, abs=0.1)
    assert found.language
    assert found.segments


async def test_streamed(words: Any, speech: Callable) -> None:
    events = [event async for event in await words("a.wav", speech("hello"), stream=True)]
    assert [event.type for event in events] == ["transcript.text.delta", "transcript.text.done"]
    assert "hello" in events[-1].text.lower()


async def test_silence_is_no_words(words: Any) -> None:
    assert (await words("a.wav", wav_bytes(bytes(32_000), 16_000))).text.strip() == ""


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.wav", b""),
        ("a.wav", b"hello, I am text"),
        ("a.webm", b"\x1a\x45\xdf\xa3" + bytes(500)),
        ("a.wav", wav_bytes(b"", 16_000)),
    ],
)
async def test_files_that_are_no_sound(name: str, data: bytes, words: Any) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await words(name, data)
    assert refused.value.code == "BAD_AUDIO"


async def test_other_nonsense(gateway: Callable, stt: Any, speech: Callable) -> None:
    file = {"file": ("a.wav", speech("stop"))}
    async with gateway({"stt": stt.url}) as base, httpx.AsyncClient(base_url=base) as http:
        for options in ({"response_format": "yaml"}, {"temperature": "hot"}):
            answer = await http.post("/v1/audio/transcriptions", files=file, data=options)
            assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BAD_MESSAGE")
        assert (await http.post("/v1/audio/transcriptions")).status_code == 400


def test_one_setting_says_how_long_a_recording_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().stt_max_file_s == SttSettings().max_file_s == 1800
    monkeypatch.setenv("STT_MAX_FILE_S", "2400")
    assert Settings().stt_max_file_s == SttSettings().max_file_s == 2400
    # What the gateway decodes is as large as this when stt takes it.
    assert SttSettings().largest_file >= len(wav_bytes(bytes(2400 * 32_000), 16_000))


@pytest.mark.parametrize(
    "language",
    ["EN", "eng", "english", "en_US.UTF-8", "En-gb", "English (US)", "null", ""],
)
async def test_languages_in_any_spelling(language: str, words: Any, speech: Callable) -> None:
    heard = await words("a.wav", speech("hello"), language=language)
    assert "hello" in heard.text.lower()


@pytest.mark.parametrize("language", ["klingon", "qaa", "fra", "Deutsch"])
async def test_languages_that_the_engine_does_not_know(
    language: str, words: Any, speech: Callable
) -> None:
    with pytest.raises(openai.UnprocessableEntityError) as refused:
        await words("a.wav", speech("hello"), language=language)
    assert refused.value.code == "UNSUPPORTED_LANGUAGE"


SPELLINGS = [
    {"timestamp_granularities[]": "word"},
    {"timestamp_granularities": "word"},
    {"timestamp_granularities[0]": "segment", "timestamp_granularities[1]": "word"},
    {"timestamp_granularities": "segment,word"},
    {"timestamp_granularities": '["word"]'},
    {"timestamp_granularities": ["segment", "word"]},
]


@pytest.mark.parametrize("fields", SPELLINGS)
async def test_word_times_in_any_spelling(
    fields: dict, gateway: Callable, stt: Any, speech: Callable
) -> None:
    file = {"file": ("a.wav", speech("hello"))}
    form = {"response_format": "verbose_json", **fields}
    async with gateway({"stt": stt.url}) as base, httpx.AsyncClient(base_url=base) as http:
        answer = await http.post("/v1/audio/transcriptions", files=file, data=form)
        wrong = {"timestamp_granularities": "letter"}
        refused = await http.post("/v1/audio/transcriptions", files=file, data=wrong)
    assert answer.status_code == 200, answer.text
    assert answer.json()["words"]
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "BAD_MESSAGE")


@pytest.mark.parametrize("null", ["null", "undefined", "None", ""])
async def test_nulls_of_a_form_are_defaults(
    null: str, gateway: Callable, stt: Any, speech: Callable
) -> None:
    names = ("model", "language", "prompt", "response_format", "temperature", "stream")
    form = dict.fromkeys((*names, "timestamp_granularities[]"), null)
    file = {"file": ("a.wav", speech("hello"))}
    async with gateway({"stt": stt.url}) as base, httpx.AsyncClient(base_url=base) as http:
        answer = await http.post("/v1/audio/transcriptions", files=file, data=form)
    assert answer.status_code == 200, answer.text
    assert list(answer.json()) == ["text"]


def recording(samples: bytes, seconds: int) -> bytes:
    """A wav of 8-bit `samples` over and over, 8000 a second."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 1, 8000, 0, "NONE", ""))
        file.writeframes(samples * (8000 // len(samples) * seconds))
    return out.getvalue()


@pytest.mark.parametrize("seconds", [601, 625, 1799])
async def test_a_recording_as_long_as_the_setting_says_is_taken(seconds: int, words: Any) -> None:
    """Of silence, which is looked through quickly."""
    heard = await words("a.wav", recording(b"\x80", seconds))
    assert heard.text == ""


async def test_a_long_recording_is_refused(words: Any) -> None:
    with pytest.raises(openai.APIStatusError) as refused:
        await words("a.wav", recording(b"\x80\x90", 1801))
    assert refused.value.code == "BUFFER_OVERFLOW"


def test_cues_are_numbered_and_stay_on_their_lines() -> None:
    segments = [
        Segment(id=0, start=0, end=1.5, text=" one\n\ntwo --> three "),
        Segment(id=1, start=3661.0424, end=3662, text="四"),
    ]
    found = TranscriptionVerbose(language="en", duration=3662, text="x", segments=segments)
    assert subtitles.srt(found) == (
        "1\n00:00:00,000 --> 00:00:01,500\none two → three\n\n"
        "2\n01:01:01,042 --> 01:01:02,000\n四\n"
    )
    assert subtitles.vtt(found) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\none two → three\n\n"
        "01:01:01.042 --> 01:01:02.000\n四\n"
    )


def test_without_segments_the_whole_is_one_cue() -> None:
    found = TranscriptionVerbose(language="en", duration=2, text="hello")
    assert subtitles.srt(found) == "1\n00:00:00,000 --> 00:00:02,000\nhello\n"
    nothing = found.model_copy(update={"text": " "})
    assert subtitles.srt(nothing) == ""
