"""The names that clients give to languages: `languages.tsv`, a line for each name and its tag."""

from pathlib import Path

import pytest

from avatar_contract.languages import language_tag

LINES = Path(__file__).with_name("languages.tsv").read_text("utf-8").splitlines()
NAMES = [tuple(line.split("\t")) for line in LINES if not line.startswith("#")]


@pytest.mark.parametrize(("name", "tag"), NAMES)
def test_one_language_has_one_tag(name: str, tag: str) -> None:
    assert language_tag(name) == tag
    assert language_tag(tag) == tag


def test_chinese_and_english_have_their_siblings() -> None:
    for language in ("zh", "en"):
        assert sum(tag.startswith(language) for _, tag in NAMES) >= 5
