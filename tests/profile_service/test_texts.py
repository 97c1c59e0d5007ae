"""Names, titles, terms, hits and cursors, without any database."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar_contract.errors import BadMessage
from profile_service import cursor, names, textsearch
from profile_service.turn_rules import Writing, judge, keeps_audio


@pytest.mark.parametrize(
    "name",
    ["小美", "👩‍🚀", "O'Brien", "Ann 2", "אבא", "José", "1", "A" * 80, "Müller-Lüdenscheidt", "❤️"],
)
def test_good_names_stay_as_they_are(name: str) -> None:
    assert names.voice_name(name) == name


def test_a_name_of_ligatures_is_too_long() -> None:
    with pytest.raises(BadMessage):
        names.voice_name("\ufdfa" * 70)


def test_names_that_look_the_same_have_one_key() -> None:
    for one, other in (("Ann", "ann"), ("José", "JOSE\u0301"), ("A", "Ａ"), ("❤️", "❤")):
        assert names.name_key(names.voice_name(one)) == names.name_key(names.voice_name(other))
    assert names.name_key("小美") != names.name_key("小梅")


@given(st.text(max_size=100))
def test_a_name_is_refused_or_harmless(text: str) -> None:
    try:
        name = names.voice_name(text)
    except BadMessage:
        return
    assert 1 <= len(name) <= 80
    assert not set(name) & set('/\\<>"|?*:\n\t\u202e\u200f')
    assert names.voice_name(name) == name


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("", ""),
        ("  hello\n there ", "hello there"),
        ("字" * 41, "字" * 40 + "…"),
        (
            "please explain the difference between a list and a tuple",
            "please explain the difference between a…",
        ),
        ("a" * 50, "a" * 40 + "…"),
    ],
)
def test_a_title_is_the_first_words(text: str, title: str) -> None:
    assert names.first_words(text) == title


def test_terms() -> None:
    terms = textsearch.indexed("今天好 Hello_1", "ＡＢ！🎵")[1]
    assert terms.split() == ["今天", "天好", "好", "hello", "_", "1", "ab", "!", "🎵"]


SAID = st.text(st.sampled_from("今天氣好abcAB 12_%'\\🎵é\u0301字"), max_size=30)


@given(SAID, st.data())
def test_what_was_said_is_found(said: str, data: st.DataObject) -> None:
    """Any stretch that begins where a word begins hits, and is marked."""
    norm, terms = textsearch.indexed(said)
    words = norm.split()
    if not words:
        return
    word = data.draw(st.sampled_from(words))
    text = word[: data.draw(st.integers(1, len(word)))]
    query = textsearch.parse(text)
    if query is None:  # a combining mark by itself
        return
    have = terms.split()
    for term in query.terms:
        assert any(t.startswith(term.text) if term.prefix else t == term.text for t in have), (
            term,
            have,
        )
    assert all(needle in norm for needle in query.needles)
    mark = textsearch.mark(said, query)
    assert mark is None or text[:1] in textsearch.normalise(mark.match)


@given(st.text(max_size=60), st.text(max_size=20))
def test_marks_are_pieces_of_the_text(text: str, question: str) -> None:
    query = textsearch.parse(question)
    mark = textsearch.mark(text, query) if query else None
    if mark is not None:
        assert mark.before.lstrip("…") + mark.match + mark.after.rstrip("…") in text or "…" in text


def test_cursors_come_back_and_others_do_not() -> None:
    position = cursor.Position(datetime(2026, 1, 2, 3, 4, 5, 678901, UTC), uuid4())
    made = cursor.encode(position, "list")
    assert cursor.decode(made, "list") == position
    changed = ("A" if made[0] != "A" else "B") + made[1:]
    for wrong, listing in ((made, "other"), (changed, "list"), (made[:-1], "list"), ("", "list")):
        with pytest.raises(BadMessage):
            cursor.decode(wrong, listing)


@given(st.text(max_size=60))
def test_no_text_is_a_cursor(text: str) -> None:
    with pytest.raises(BadMessage):
        cursor.decode(text, "list")


@pytest.mark.parametrize(
    ("kept", "arriving", "verdict"),
    [
        ((0, "open", 1), (0, "closed", 1), "replace"),
        ((0, "open", 1), (0, "open", 1), "replace"),
        ((0, "closed", 1), (1, "open", 1), "replace"),
        ((0, "closed", 1), (0, "closed", 1), "keep"),
        ((0, "closed", 1), (0, "open", 1), "keep"),
        ((1, "open", 1), (0, "closed", 1), "keep"),
        ((1, "closed", 1), (0, "closed", 1), "keep"),
        # Another gateway has the session now.
        ((0, "open", 2), (0, "closed", 1), "refuse"),
        ((0, "open", 2), (1, "closed", 1), "refuse"),
        ((0, "closed", 2), (1, "closed", 1), "refuse"),
        ((1, "closed", 2), (0, "closed", 1), "refuse"),
        ((0, "open", 1), (0, "open", 2), "replace"),
        ((1, "open", 1), (0, "open", 2), "replace"),
        ((0, "closed", 1), (1, "open", 2), "replace"),
        ((1, "closed", 1), (0, "open", 2), "keep"),
        # What is done is done, whoever did it.
        ((0, "closed", 1), (0, "closed", 2), "keep"),
        ((0, "closed", 2), (0, "closed", 1), "keep"),
    ],
)
def test_which_writing_of_a_turn_is_kept(kept: tuple, arriving: tuple, verdict: str) -> None:
    assert judge(Writing(*kept), Writing(*arriving)) == verdict


def test_whose_sound_stays_with_another_writing() -> None:
    first, edited = Writing(0, "open", 1), Writing(1, "open", 1)
    assert keeps_audio("user", first, edited, True)
    assert not keeps_audio("ai", first, edited, True)
    assert keeps_audio("ai", first, Writing(0, "closed", 1), True)
    assert not keeps_audio("ai", first, Writing(0, "closed", 2), True)
    assert not keeps_audio("user", first, first, False)
