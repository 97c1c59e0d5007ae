"""The weights that are downloaded are the ones that services and profiles look for."""

import re
from pathlib import Path

from avatar_cli.models import catalogue
from avatar_cli.running.profiles import PROFILES
from stt_service.backends.whisper_folder import _KNOWN as REMEDIES
from stt_service.settings import SttSettings
from tts_service.settings import TtsSettings

KNOWN = catalogue.load()
DOWNLOAD = re.compile(r"avatar models download ([a-z0-9][a-z0-9.-]*(?: [a-z0-9][a-z0-9.-]*)*)")
FILES = {f"{model.folder}/{file.name}" for model in KNOWN.models for file in model.files}


def test_a_profile_sets_what_its_weights_ask_for() -> None:
    for name, profile in PROFILES.items():
        assert set(profile.models) | {profile.gguf} <= {*KNOWN.bundles.get(name, []), None}
        for model in profile.models:
            wanted = KNOWN.get(model).settings.items()
            assert wanted <= profile.settings.items(), model


def test_services_look_for_what_the_catalogue_brings(monkeypatch) -> None:
    for variable in ("STT_MODEL", "TTS_PIPER_ZH", "TTS_PIPER_EN", "TTS_F5_MODEL", "TTS_F5_VOCODER"):
        monkeypatch.delenv(variable, raising=False)
    folders = {model.folder for model in KNOWN.models}
    tts = TtsSettings()
    assert {tts.piper_zh, tts.piper_en} <= FILES
    assert {SttSettings().model, tts.f5_model, tts.f5_vocoder} <= folders


def test_default_weights_may_be_used_in_commerce_or_are_marked() -> None:
    """F5-TTS's may not, and the command asks before it downloads them."""
    barred = {model.id for model in KNOWN.models if model.non_commercial}
    assert barred == {"f5-tts"}
    assert barred.isdisjoint(KNOWN.bundles["cpu"])
    assert "public domain" in KNOWN.get("piper-en").licence


def test_every_download_that_a_remedy_or_a_page_names_is_there(
    tracked: list[Path], sources: list[Path], root: Path
) -> None:
    there = {*KNOWN.bundles, *(model.id for model in KNOWN.models)}
    assert set(REMEDIES) <= there
    pages = [path for path in tracked if path.suffix in {".md", ".yml"}]
    named = {
        (str(page.relative_to(root)), name)
        for page in {*pages, *sources}
        for names in DOWNLOAD.findall(page.read_text(encoding="utf-8"))
        for name in names.split()
    }
    assert {page for page, _ in named} >= {"README.md", "docs/engines.md"}
    assert {(page, name) for page, name in named if name not in there} == set()
