"""What is printed about the engines when all are ready."""

import pytest

from avatar_cli.running import engines
from avatar_cli.tongue import Tongue
from avatar_contract.health import Health
from avatar_contract.terms import EngineInfo


def health(**names: str) -> Health:
    """Of the whole, with an engine of that name at each stage."""
    parts = {
        stage: Health(
            status="ok",
            service=stage,
            engine=EngineInfo(name=name, kind="embedded", languages=["en"]),
        )
        for stage, name in names.items()
    }
    return Health(status="ok", service="gateway", parts=parts)


SMALL = {"stt": "pocketsphinx", "llm": "demo responder", "tts_fast": "espeak-ng"}
DEFAULT = {"stt": "faster-whisper base", "llm": "demo responder", "tts_fast": "Kokoro-82M"}
CPU = {"stt": "faster-whisper small", "llm": "qwen2.5", "tts_fast": "Piper"}


@pytest.mark.parametrize(
    ("running", "told"),
    [(SMALL, "`make run`"), (DEFAULT, "`avatar up --profile cpu`"), (CPU, None)],
)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_larger_engines_than_those_that_run_are_named(
    running: dict[str, str], told: str | None, language: str
) -> None:
    text = engines.banner("http://x", 1.0, "var", health(**running), Tongue(language))
    last = text.splitlines()[-1]
    assert (told in last) if told else ("avatar models" not in text and "make run" not in text)


@pytest.mark.parametrize(
    ("count", "language", "told"),
    [
        (0, "en", "model"),
        (2, "en", "model (l0, l1)"),
        (99, "en", "model (99 languages)"),
        (99, "zh", "model (99 種語言)"),
    ],
)
def test_a_long_list_of_languages_is_a_number(count: int, language: str, told: str) -> None:
    tags = [f"l{number}" for number in range(count)]
    engine = EngineInfo(name="model", kind="local", languages=tags)
    whole = Health(
        status="ok",
        service="gateway",
        parts={"llm": Health(status="ok", service="llm", engine=engine)},
    )
    assert engines.lines(whole, Tongue(language))[1].split("  ")[-1] == told


def test_every_engine_that_ships_is_described_in_chinese() -> None:
    for name in (*SMALL.values(), *DEFAULT.values()):
        info = EngineInfo(name=name, kind="embedded", languages=["en"], notice="An English text.")
        whole = Health(
            status="ok",
            service="gateway",
            parts={"stt": Health(status="ok", service="stt", engine=info)},
        )
        assert "An English text." not in engines.lines(whole, Tongue("zh"))[0]
