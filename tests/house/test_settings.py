"""Settings explain themselves, and their reference pages are not behind."""

import pytest

import notices
import settings_reference

SECTIONS = settings_reference.sections()


@pytest.mark.parametrize(("title", "settings"), SECTIONS, ids=[title for title, _ in SECTIONS])
def test_every_setting_has_a_text(title: str, settings: list[settings_reference.Setting]) -> None:
    assert settings, f"{title} has no settings at all"
    assert [setting.names[0] for setting in settings if not setting.text] == []


def test_no_name_means_two_things() -> None:
    texts: dict[str, set[str]] = {}
    for _, settings in SECTIONS:
        for setting in settings:
            texts.setdefault(setting.names[0], set()).add(setting.text)
    assert {name: found for name, found in texts.items() if len(found) > 1} == {}


def test_the_reference_is_fresh() -> None:
    assert settings_reference.stale() == [], "run `make docs`"


def test_notices_name_what_is_installed() -> None:
    text = notices.NOTICES.read_text(encoding="utf-8")
    wanted = [f"| {name} | {version} |" for name, version, _ in notices.python_rows()]
    wanted += [f"| {name} | {version} |" for name, version, _ in notices.web_rows()]
    assert [row for row in wanted if row not in text] == [], "run `make docs`"
