"""The pace of speech: whether words can be what a recording says, and what slow making means.

An engine that clones takes its pace from the recording and its words.
"""

_SLOWEST, _FASTEST = 2.5, 45.0
"""UTF-8 bytes a second. Read English has about 14, hurried 22; Chinese has 3 bytes a syllable, and
so 6 when slow and 24 when hurried; names and numbers written short are longer when said."""


def misfit(words: str, seconds: float) -> str | None:
    """Why `words` can't be all that is said in so many seconds of speech; None when they can."""
    rate = len(words.encode()) / seconds
    if _SLOWEST <= rate <= _FASTEST:
        return None
    how = "far more than can be said" if rate > _FASTEST else "far less than is said"
    return (
        f"The words of the reference are {len(words)} characters, {how} in its {seconds:.1f} s: "
        "send exactly what is spoken in it as `reference_text`."
    )


def slowness(pace: float) -> str:
    """What an operator should know of speech that takes `pace` times its own length."""
    # No figure: beside other work the first call takes several times as long as later ones.
    if pace <= 1:
        return ""
    return (
        " Making it takes longer here than saying it: for conversation give it a GPU, or set "
        "TTS_ENGINE=piper."
    )
