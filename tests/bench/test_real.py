"""What `bench/real` makes of what people were told."""

from real import judging, scenes
from real.scoring import Clip
from real.talking import Part, Utterance


def clip(text: str, kind: str = "en") -> Clip:
    return Clip(text, kind, kind, text, bytes(32_000))


def heard(*texts: str, found: list[str], errors: tuple[str, ...] = ()) -> Utterance:
    one = Utterance([Part(clip(text)) for text in texts], ended=1000.0)
    one.texts = {str(n): text for n, text in enumerate(found)}
    one.errors = list(errors)
    return one


def test_a_stretch_without_its_words_is_lost_unless_somebody_was_told() -> None:
    both = heard(
        "What time is it?", "Tell me a story.", found=["what time is it", "tell me a story"]
    )
    half = heard("What time is it?", "Tell me a story.", found=["what time is it"])
    told = heard("What time is it?", "Tell me a story.", found=[], errors=("NO_SPEECH",))
    assert judging.lost([both, told]) == []
    assert [one["stretch"] for one in judging.lost([half])] == ["Tell me a story."]


def test_words_need_not_be_perfect_to_be_found() -> None:
    assert (
        judging.lost([heard("How do I install this program?", found=["how to install it"])]) == []
    )


def test_an_answer_before_the_end_is_a_cut() -> None:
    early, late = heard("One two.", found=["one two"]), heard("One two.", found=["one two"])
    early.first_sound, late.first_sound = 900.0, 1300.0
    split = heard("One two.", found=["one", "two"])
    assert [judging.cut_short([one]) for one in (early, late, split)] == [1, 0, 1]
    assert judging.first_sounds([late]) == [300.0]


def test_simplified_characters_and_half_width_marks_are_faults() -> None:
    good, simplified, half = (
        Utterance([Part(clip("你好嗎？", "zh"))], texts={"1": text})
        for text in ("你好嗎？", "你好吗？", "你好嗎?")
    )
    assert judging.script_faults([good, simplified, half]) == ["你好吗？", "你好嗎?"]


def test_scripts_are_drawn_by_their_seed() -> None:
    known = [clip(f"{word}.", kind) for word in "abcdef" for kind in ("zh", "en")]
    first = scenes.pauses(known, 20, 2, seed=5)
    assert first == scenes.pauses(known, 20, 2, seed=5) != scenes.pauses(known, 20, 2, seed=6)
    assert [len(script) for script in first] == [10, 10]
    inner = [part.pause_ms for script in first for parts in script for part in parts[:-1]]
    assert all(300 <= pause <= 2000 for pause in inner)
